/** A graphics driver that starts well in the probe and takes the engine with it later: in session creation, or in a run. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EngineRequest } from '../../src/engine/protocol';
import { tinyCnn } from '../models/zoo';
import { save, scoreRequest, scratch, startEngine, synthetic } from './harness';

const DEVICE = 'WebGPU: Imaginary 9000';
type Stage = 'session' | 'run';

/**
 * Loaded into the engine before its own code: WebGPU is found, crashes by SIGSEGV at the stage, and is worth trying, since
 * the first runs on the CPU take `milliseconds` longer.
 */
function driver(stage: Stage, milliseconds: number): Record<string, string> {
  const path = join(scratch(), 'driver.js');
  const ort = JSON.stringify(resolve('node_modules/onnxruntime-node'));
  writeFileSync(
    path,
    `const { isMainThread } = require('node:worker_threads');
    const crash = () => process.kill(process.pid, 'SIGSEGV');
    if (isMainThread && process.argv[2] === 'probe') {
      const works = process.argv[3] === 'webgpu';
      process.send(works ? { works, device: '${DEVICE}' } : { works, reason: 'absent' });
    } else if (isMainThread && process.argv[1].endsWith('engine.js')) {
      const { InferenceSession } = require(${ort});
      const create = InferenceSession.create.bind(InferenceSession);
      let slow = 3;
      InferenceSession.create = async (bytes, options) => {
        const isDevice = options.executionProviders[0] === 'webgpu';
        if (isDevice && '${stage}' === 'session') crash();
        const session = await create(bytes, { ...options, executionProviders: ['cpu'] });
        const run = session.run.bind(session);
        session.run = async (feeds) => {
          if (isDevice) crash();
          if (slow-- > 0) await new Promise((done) => setTimeout(done, ${milliseconds}));
          return run(feeds);
        };
        return session;
      };
    }`,
  );
  return { NODE_OPTIONS: `--require ${path}` };
}

const score = (provider: 'auto' | 'webgpu'): EngineRequest =>
  scoreRequest(save(tinyCnn(), 'net.onnx'), synthetic(64), { provider });
const evaluation = (provider: 'auto' | 'webgpu'): EngineRequest => ({
  kind: 'evaluate',
  model: save(tinyCnn(), 'net.onnx'),
  other: null,
  data: synthetic(160),
  allSamples: false,
  perLayer: false,
  provider,
});

describe.skipIf(process.platform === 'win32').each(['session', 'run'] as const)(
  'a driver that crashes in the engine (%s)',
  (stage) => {
    it.each([
      ['scoring', score, 400],
      ['evaluating', evaluation, 1500],
    ] as const)('while %s: "auto" ends on the CPU, with a word, and stays there', async (_, ask, slow) => {
      const { engine, log } = startEngine({ env: driver(stage, slow) });
      const fractions: number[] = [];
      const reply = await engine.request(ask('auto'), { onProgress: (p) => fractions.push(p.fraction) });
      const word = `${DEVICE} crashed (SIGSEGV) and the CPU did the work; it is not tried again before a restart.`;
      expect(reply).toMatchObject({
        provider: expect.stringMatching(/^CPU, /) as string,
        warnings: [word],
      });
      expect(log).toContain(`warn: ${word}`);
      expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
      const pid = engine.pid;
      const next = await engine.request(ask('auto'));
      expect(next).toMatchObject({ provider: expect.stringMatching(/^CPU, /) as string, warnings: [] });
      expect(engine.pid).toBe(pid);
      expect(log).toContain(`info: ${DEVICE} has crashed before and is not tried again: the CPU is used.`);
    });

    it.each([
      ['scoring', score],
      ['evaluating', evaluation],
    ] as const)(
      'while %s: a forced one is told in one sentence, and the next run works',
      async (what, ask) => {
        const { engine } = startEngine({ env: driver(stage, 0) });
        await expect(engine.request(ask('webgpu'))).rejects.toThrow(
          `The engine crashed in native code (SIGSEGV) while ${what} net.onnx on ${DEVICE}; try the CPU (provider "cpu") and fewer samples, and report the model if it happens again.`,
        );
        const cpu = { ...ask('auto'), provider: 'cpu' } as EngineRequest;
        await expect(engine.request(cpu)).resolves.toMatchObject({ warnings: [] });
      },
    );
  },
);
