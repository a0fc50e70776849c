/** Faults that the operating system makes: no memory, a crash in native code, a process that stands still. */
import { fork } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EngineRequest, Progress } from '../../src/engine/protocol';
import { ModelBuilder } from '../support/models/builder';
import { resnet18, tinyCnn } from '../support/models/zoo';
import { save, scoreRequest, scratch, startEngine, synthetic } from './harness';
import { SCRIPT } from './script';

let heavy: EngineRequest;
let light: EngineRequest;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-faults-'));
  heavy = scoreRequest(save(resnet18({ width: 0.5, size: 448 }), 'heavy.onnx', folder), synthetic(64));
  light = scoreRequest(save(tinyCnn(), 'light.onnx', folder), synthetic(4));
  return () => rmSync(folder, { recursive: true });
});

const SENTENCE = /^[^\n]+\.$/;

describe('memory that runs out', () => {
  it('inside ONNX Runtime, which a model can ask for by itself, is one sentence and not the end', async () => {
    const { engine } = startEngine();
    // 9 PB in one tensor: more than there are addresses, whatever the system promises.
    const b = new ModelBuilder({ opset: 17, seed: 1 });
    const y = b.globalAveragePool(b.conv(b.input('x', ['batch', 3, 8, 8]), 4, { kernel: 3, name: 'first' }));
    const shape = b.initializer('shape', [4], BigInt64Array.of(1n, 4n, 1n << 25n, 1n << 24n));
    b.output(b.conv(b.setChannels(b.op('Expand', [y, shape]), 4), 4, { kernel: 3, name: 'second' }));
    const work = engine.request(scoreRequest(save(b.build(), 'huge.onnx'), synthetic(2)));
    const error = await work.then(
      () => null,
      (reason: Error) => reason.message,
    );
    expect(error).toMatch(SENTENCE);
    expect(error).toMatch(/huge\.onnx/);
    await expect(engine.request(light)).resolves.toMatchObject({ samples: 4 });
  });

  it('for the whole engine is one sentence, and the next run works', async ({ skip }) => {
    if (process.platform !== 'linux') skip('no ulimit -v here');
    const limited = join(scratch(), 'limited-node');
    writeFileSync(limited, `#!/bin/bash\nulimit -v 2600000\nexec ${process.execPath} "$@"\n`);
    chmodSync(limited, 0o755);
    const { engine } = startEngine({ execPath: limited });
    await expect(engine.request(light)).resolves.toMatchObject({ samples: 4 });
    const large = {
      ...heavy,
      data: synthetic(64, { input: [1, 3, 448, 448] }),
      memoryLimit: 64e9,
    } as EngineRequest;
    const error = await engine.request(large).then(
      () => null,
      (reason: Error) => reason.message,
    );
    expect(error).toMatch(SENTENCE);
    expect(error).toMatch(/heavy\.onnx/);
    expect(error).toMatch(/memory/);
    await expect(engine.request(light)).resolves.toMatchObject({ samples: 4 });
  });
});

describe('a crash in native code', () => {
  it.each(['SIGSEGV', 'SIGABRT', 'SIGILL', 'SIGBUS'] as const)(
    'by %s while a session is created is told, and the next run works',
    async (signal) => {
      const { engine } = startEngine();
      let started: (progress: Progress) => void = () => undefined;
      const creating = new Promise<Progress>((resolve) => (started = resolve));
      const work = engine.request(heavy, {
        onProgress: (progress) => progress.stage === 'Looking at the functions' && started(progress),
      });
      work.catch(() => undefined);
      await creating;
      process.kill(engine.pid!, signal);
      await expect(work).rejects.toThrow(
        `The engine crashed in native code (${signal}) while scoring heavy.onnx; try the CPU (provider "cpu") and fewer samples, and report the model if it happens again.`,
      );
      await expect(engine.request(light)).resolves.toMatchObject({ samples: 4 });
    },
  );
});

describe('an engine that stands still', () => {
  it('for longer than the watchdog waits is ended, and the next run works', async ({ skip }) => {
    if (process.platform === 'win32') skip('no SIGSTOP here');
    const { engine } = startEngine({ hangMs: 60_000 });
    await engine.request(light);
    const pid = engine.pid!;
    const work = engine.request(heavy);
    work.catch(() => undefined);
    process.kill(pid, 'SIGSTOP');
    await expect(work).rejects.toThrow(
      /^The engine gave no sign of life for .* while scoring heavy\.onnx and was stopped; try fewer samples, or the CPU \(provider "cpu"\)\.$/,
    );
    await expect(engine.request(light)).resolves.toMatchObject({ samples: 4 });
    expect(engine.pid).not.toBe(pid);
  });

  it('together with its caller, as on a laptop that sleeps, goes on where it was', async ({ skip }) => {
    if (process.platform === 'win32') skip('no SIGSTOP here');
    const script = join(scratch(), 'caller.js');
    await build({
      stdin: {
        contents: `import { Engine } from './src/engine/client';
          const engine = new Engine({ script: ${JSON.stringify(SCRIPT)}, log: () => undefined, hangMs: 60_000 });
          engine.request(${JSON.stringify(light)}, { onProgress: () => process.send({ pid: engine.pid }) }).then(
            (reply) => process.send({ samples: reply.samples }),
            (error) => process.send({ error: error.message }),
          ).finally(() => { engine.dispose(); process.disconnect(); });`,
        resolveDir: process.cwd(),
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      outfile: script,
    });
    const caller = fork(script);
    const said: { pid?: number; samples?: number; error?: string }[] = [];
    caller.on('message', (message) => said.push(message as (typeof said)[0]));
    await new Promise((resolve) => caller.once('message', resolve));
    const { pid } = said[0];
    for (const each of [caller.pid!, pid!]) process.kill(each, 'SIGSTOP');
    // Longer than the watchdog waits.
    await new Promise((resolve) => setTimeout(resolve, 66_000));
    for (const each of [pid!, caller.pid!]) process.kill(each, 'SIGCONT');
    await new Promise((resolve) => caller.once('exit', resolve));
    expect(said.at(-1)).toEqual({ samples: 4 });
  });
});
