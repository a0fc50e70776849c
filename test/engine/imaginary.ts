/** A graphics card that is the CPU in disguise, for engines of their own process. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { scratch } from './harness';

export const IMAGINARY = 'WebGPU: Imaginary 9000';

export interface Behaviour {
  /** Where it takes the process with it, by SIGSEGV. */
  crash?: 'session' | 'run';
  /** How much longer the first runs on the CPU take: what makes a device worth trying. */
  cpuMilliseconds?: number;
  /** How many runs those are; an evaluation proves its batches by three of each model before it starts. */
  slowRuns?: number;
  /** How much longer every run on the device takes. */
  deviceMilliseconds?: number;
}

/** Environment that loads it into the engine before the engine's own code. */
export function imaginaryDevice({
  crash,
  cpuMilliseconds = 0,
  slowRuns = 3,
  deviceMilliseconds = 0,
}: Behaviour): NodeJS.ProcessEnv {
  const path = join(scratch(), 'driver.js');
  writeFileSync(
    path,
    `const { isMainThread } = require('node:worker_threads');
    const crash = (stage) => stage === '${crash}' && process.kill(process.pid, 'SIGSEGV');
    const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
    if (isMainThread && process.argv[2] === 'probe') {
      const works = process.argv[3] === 'webgpu';
      process.send(works ? { works, device: '${IMAGINARY}' } : { works, reason: 'absent' });
    } else if (isMainThread && process.argv[1].endsWith('engine.js')) {
      const { InferenceSession } = require(${JSON.stringify(resolve('node_modules/onnxruntime-node'))});
      const create = InferenceSession.create.bind(InferenceSession);
      let slow = ${slowRuns};
      InferenceSession.create = async (bytes, options) => {
        const isDevice = options.executionProviders[0] === 'webgpu';
        if (isDevice) crash('session');
        const session = await create(bytes, { ...options, executionProviders: ['cpu'] });
        const run = session.run.bind(session);
        session.run = async (feeds) => {
          if (isDevice) {
            crash('run');
            await pause(${deviceMilliseconds});
          } else if (slow-- > 0) await pause(${cpuMilliseconds});
          return run(feeds);
        };
        return session;
      };
    }`,
  );
  return { NODE_OPTIONS: `--require ${path}` };
}
