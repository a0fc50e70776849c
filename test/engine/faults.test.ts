import { create } from '@bufbuild/protobuf';
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, type Engine } from '../../src/engine/client';
import { describeEnding } from '../../src/engine/crash';
import type { EngineRequest, Progress } from '../../src/engine/protocol';
import { OperatorSetIdProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { resnet18, tinyCnn } from '../support/models/zoo';
import { isAlive, until } from '../support/processes';
import { save, scoreRequest, scratch, startEngine, synthetic } from './harness';
import { SCRIPT } from './script';

/** Seconds of work on any machine. */
let heavy: EngineRequest;
let light: EngineRequest;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-faults-'));
  heavy = scoreRequest(save(resnet18(), 'heavy.onnx', folder), synthetic(128));
  light = scoreRequest(save(tinyCnn(), 'light.onnx', folder), synthetic(4));
  return () => rmSync(folder, { recursive: true });
});

/** Starts the heavy request and returns when the engine is inside it. */
async function startHeavy(engine: Engine, signal?: AbortSignal): Promise<{ work: Promise<unknown> }> {
  let started: (progress: Progress) => void = () => undefined;
  const running = new Promise<Progress>((resolve) => (started = resolve));
  const work = engine.request(heavy, {
    signal,
    onProgress: (progress) => {
      if (progress.stage === 'Scoring') started(progress);
    },
  });
  work.catch(() => undefined);
  await running;
  return { work };
}

describe('an engine that dies in mid-run', () => {
  it.each([
    [
      'SIGKILL',
      /^The operating system ended the engine \(SIGKILL\) while scoring heavy\.onnx, most likely because memory ran out; close other programs/,
    ],
    ['SIGSEGV', /^The engine crashed in native code \(SIGSEGV\) while scoring heavy\.onnx; try the CPU/],
    [
      'SIGTERM',
      /^The engine was stopped from outside \(SIGTERM\) while scoring heavy\.onnx; run it again\.$/,
    ],
  ] as const)(
    'by %s is told, with every pending request, and the next run works',
    async (signal, message) => {
      const { engine } = startEngine();
      const { work } = await startHeavy(engine);
      const waiting = engine.request(light);
      const pid = engine.pid!;
      process.kill(pid, signal);
      await expect(work).rejects.toThrow(message);
      await expect(waiting).rejects.toThrow(message);
      expect(await until(() => !isAlive(pid))).toBe(true);
      await expect(engine.request(light)).resolves.toMatchObject({ samples: 4 });
      expect(engine.pid).not.toBe(pid);
    },
  );

  it('when it is idle, nobody notices', async () => {
    const { engine } = startEngine();
    await engine.request(light);
    const pid = engine.pid!;
    process.kill(pid, 'SIGKILL');
    expect(await until(() => engine.pid === undefined)).toBe(true);
    await expect(engine.request(light)).resolves.toMatchObject({ samples: 4 });
  });

  it('before it has started, because its script is not there', async () => {
    const { engine } = startEngine({ script: join(scratch(), 'engine.js') });
    await expect(engine.request(light)).rejects.toThrow(
      /^The engine ended \(exit code 1\) while scoring light.onnx: Error: Cannot find module/,
    );
  });

  it('or cannot be started at all', async () => {
    const { engine } = startEngine({ execPath: join(scratch(), 'no-node') });
    await expect(engine.request(light)).rejects.toThrow(/^The engine could not be started: /);
  });

  it.each([
    [
      { code: null, signal: 'SIGABRT', stderr: 'FATAL ERROR: JavaScript heap out of memory' },
      'ran out of memory',
    ],
    [{ code: 0xc0000005, signal: null, stderr: '' }, 'crashed in native code (0xc0000005)'],
    [{ code: 139, signal: null, stderr: '' }, 'crashed in native code (SIGSEGV)'],
    [
      { code: 1, signal: null, stderr: 'TypeError: odd\n    at x' },
      '(exit code 1) while scoring m.onnx: TypeError: odd;',
    ],
  ] as const)('%o is put into words', (ending, words) => {
    expect(describeEnding(ending, 'scoring m.onnx')).toContain(words);
  });
});

describe('a hang', () => {
  it('is ended by the watchdog', async () => {
    const script = join(scratch(), 'hangs.js');
    writeFileSync(script, 'process.on("message", () => { for (;;); });');
    const { engine } = startEngine({ script, hangMs: 5000 });
    await expect(engine.request(light)).rejects.toThrow(
      /^The engine gave no sign of life for .* while scoring/,
    );
    await expect(engine.request(light, { signal: AbortSignal.timeout(1) })).rejects.toThrow(CancelledError);
  });
});

describe('cancelling', () => {
  it('stops the work inside a native call, and the next request works', async () => {
    const { engine } = startEngine({ graceMs: 200 });
    const abort = new AbortController();
    const { work } = await startHeavy(engine, abort.signal);
    const pid = engine.pid!;
    const next = engine.request(light);
    // Past the last session's creation.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    abort.abort();
    await expect(work).rejects.toThrow(CancelledError);
    expect(await until(() => !isAlive(pid))).toBe(true);
    await expect(next).resolves.toMatchObject({ samples: 4 });
  });

  it('between native calls keeps the process', async () => {
    const { engine } = startEngine({ graceMs: 60_000 });
    const abort = new AbortController();
    const work = engine.request(heavy, { signal: abort.signal, onProgress: () => abort.abort() });
    await expect(work).rejects.toThrow(CancelledError);
    const pid = engine.pid;
    await engine.request(light);
    expect(engine.pid).toBe(pid);
  });

  it('a request that waits, or that was cancelled before it began', async () => {
    const { engine } = startEngine();
    const abort = new AbortController();
    const first = engine.request(light);
    const second = engine.request(light, { signal: abort.signal });
    abort.abort();
    await expect(second).rejects.toThrow(CancelledError);
    await expect(engine.request(light, { signal: abort.signal })).rejects.toThrow(CancelledError);
    await expect(first).resolves.toMatchObject({ samples: 4 });
  });

  it('everything, by disposing of the engine', async () => {
    const { engine } = startEngine();
    const { work } = await startHeavy(engine);
    const pid = engine.pid!;
    engine.dispose();
    await expect(work).rejects.toThrow(CancelledError);
    await expect(engine.request(light)).rejects.toThrow(CancelledError);
    expect(await until(() => !isAlive(pid))).toBe(true);
  });
});

describe('no orphans', () => {
  it('when the caller is killed while a native call runs', async () => {
    const folder = scratch();
    const caller = join(folder, 'caller.js');
    await build({
      stdin: {
        contents: `import { Engine } from './src/engine/client';
          const engine = new Engine({ script: ${JSON.stringify(SCRIPT)}, log: () => undefined });
          void engine.request(${JSON.stringify(heavy)}, {
            onProgress: ({ stage }) => { if (stage === 'Scoring') process.send(engine.pid); } });`,
        resolveDir: process.cwd(),
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      outfile: caller,
    });
    const child = fork(caller);
    const pid = await new Promise<number>((resolve) => child.once('message', resolve));
    child.kill('SIGKILL');
    expect(await until(() => !isAlive(pid))).toBe(true);
  });
});

describe('one sentence for', () => {
  const refused = (model: string, message: string | RegExp) =>
    expect(startEngine().engine.request(scoreRequest(model, synthetic(4)))).rejects.toThrow(message);

  it('a model that has vanished', async () => {
    const path = save(tinyCnn());
    const { engine } = startEngine();
    await engine.request(scoreRequest(path, synthetic(4)));
    rmSync(path);
    await expect(engine.request(scoreRequest(path, synthetic(4)))).rejects.toThrow(
      `Cannot read ${path}: it does not exist.`,
    );
  });

  it('garbage, an empty file, a truncated one', async () => {
    const folder = scratch();
    const garbage = join(folder, 'garbage.onnx');
    writeFileSync(
      garbage,
      Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 255),
    );
    await refused(garbage, /garbage\.onnx is not a readable ONNX model/);
    const empty = join(folder, 'empty.onnx');
    writeFileSync(empty, '');
    await refused(empty, `${empty} is empty.`);
    const cut = save(tinyCnn(), 'cut.onnx', folder);
    truncateSync(cut, 3000);
    await refused(cut, /cut\.onnx/);
  });

  it('an operator that ONNX Runtime does not have, and weights of the wrong shape', async () => {
    const foreign = tinyCnn();
    foreign.graph!.node[1].opType = 'Frobnicate';
    await refused(
      save(foreign, 'foreign.onnx'),
      /^ONNX Runtime cannot load foreign\.onnx: it has no operator Frobnicate; .*\.$/,
    );
    foreign.graph!.node[1].domain = 'com.acme';
    foreign.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'com.acme', version: 1n }));
    await refused(save(foreign, 'foreign.onnx'), /: it has no operator com\.acme:Frobnicate;/);
    const wrong = tinyCnn();
    wrong.graph!.initializer[0].dims = [8n, 27n, 1n, 1n];
    await refused(save(wrong, 'wrong.onnx'), /^ONNX Runtime cannot (load|run) wrong\.onnx/);
  });

  it('data that is not there', async () => {
    const data = { ...synthetic(4), path: join(scratch(), 'nothing') };
    const { engine } = startEngine();
    await expect(engine.request(scoreRequest(save(tinyCnn()), data))).rejects.toThrow(
      /nothing.*does not exist/,
    );
  });
});
