/** What a fault in mid-run leaves on disk: nothing, and no half-written file. */
import { build } from 'esbuild';
import { type ChildProcess, fork } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config';
import type { Engine } from '../../src/engine/client';
import type { ExportRequest } from '../../src/engine/protocol';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import { scoreModel } from '../../src/pipeline/score';
import { type ScoreSettings } from '../../src/pipeline/settings';
import { resnet18, tinyCnn } from '../support/models/zoo';
import { runCommand } from './command';
import { isAlive, until } from '../support/processes';
import { save, scoreRequest, scoreSettings, scratch, startEngine, synthetic } from './harness';
import { SCRIPT } from './script';

/** An export whose last steps, writing and trying, take a while. */
async function exportRequest(folder = scratch()): Promise<ExportRequest> {
  const model = save(resnet18({ width: 0.5, size: 128 }), 'net.onnx', folder);
  const network = findNetwork(await readModel(model));
  return {
    kind: 'export',
    model,
    out: join(folder, 'small.onnx'),
    overwrite: true,
    granularity: 'layer',
    bits: network.functions.map(() => 5),
    rounding: 'nearest',
    scaleType: 'float32',
    activations: null,
    data: synthetic(2),
    config: 'a'.repeat(64),
    memoryLimit: 0,
  };
}

const drafts = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('.ompq-'));

/** Starts an export and resolves once its draft lies on disk. */
async function startWriting(engine: Engine, request: ExportRequest): Promise<Promise<unknown>[]> {
  const work = engine.request(request);
  work.catch(() => undefined);
  expect(await until(() => drafts(dirname(request.out)).length > 0)).toBe(true);
  return [work];
}

describe('an engine killed while it writes', () => {
  it('leaves the file that was there, and nothing beside it', async () => {
    const request = await exportRequest();
    writeFileSync(request.out, 'old');
    const { engine } = startEngine();
    const [work] = await startWriting(engine, request);
    process.kill(engine.pid!, 'SIGKILL');
    await expect(work).rejects.toThrow(
      /^The operating system ended the engine .* while quantizing net\.onnx/,
    );
    const folder = dirname(request.out);
    expect(await until(() => drafts(folder).length === 0)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['net.onnx', 'small.onnx']);
    expect(readFileSync(request.out, 'utf8')).toBe('old');
    // And the user can go on.
    await engine.request(request);
    expect(readdirSync(folder).sort()).toEqual(['net.onnx', 'small.onnx']);
  });

  it('because its request was cancelled, neither', async () => {
    const request = await exportRequest();
    const { engine } = startEngine({ graceMs: 0 });
    const abort = new AbortController();
    const work = engine.request(request, { signal: abort.signal });
    work.catch(() => undefined);
    const folder = dirname(request.out);
    expect(await until(() => drafts(folder).length > 0)).toBe(true);
    abort.abort();
    await expect(work).rejects.toThrow('Cancelled.');
    expect(await until(() => drafts(folder).length === 0)).toBe(true);
    expect(readdirSync(folder)).toEqual(['net.onnx']);
  });

  it('together with its caller: the next one to write there cleans up', async () => {
    const request = await exportRequest();
    const folder = dirname(request.out);
    const { engine } = startEngine();
    const [work] = await startWriting(engine, request);
    const [draft] = drafts(folder);
    const kept = join(scratch(), draft);
    await cp(join(folder, draft), kept, { recursive: true }).catch(() => mkdirSync(kept));
    process.kill(engine.pid!, 'SIGKILL');
    await expect(work).rejects.toThrow();
    await until(() => drafts(folder).length === 0);
    // As if nobody had been left to clean up; beside it what others are writing, here and on another machine.
    await cp(kept, join(folder, draft), { recursive: true });
    const [machine] = /[0-9a-f]{6}/.exec(draft)!;
    const ours = join(folder, `.ompq-${machine}-${process.pid}-000000000000.tmp`);
    const elsewhere = join(folder, `.ompq-${machine === '000000' ? '000001' : '000000'}-1-000000000000.tmp`);
    const abandoned = join(folder, `.ompq-${machine === '000000' ? '000001' : '000000'}-1-111111111111.tmp`);
    for (const path of [ours, elsewhere, abandoned]) writeFileSync(path, 'half');
    const days = new Date(Date.now() - 2 * 86_400_000);
    utimesSync(abandoned, days, days);
    await engine.request(request);
    expect(drafts(folder).sort()).toEqual([basename(ours), basename(elsewhere)].sort());
  });
});

describe('a caller killed while the engine writes', () => {
  it('leaves no process and no temporary file', async () => {
    const request = await exportRequest();
    const folder = dirname(request.out);
    const caller = await startCaller(request);
    const [pid] = await Promise.all([
      new Promise<number>((done) => caller.once('message', done)),
      until(() => drafts(folder).length > 0),
    ]);
    caller.kill('SIGKILL');
    expect(await until(() => !isAlive(pid))).toBe(true);
    expect(readdirSync(folder)).toEqual(['net.onnx']);
  });
});

async function startCaller(request: ExportRequest): Promise<ChildProcess> {
  const script = join(scratch(), 'caller.js');
  await build({
    stdin: {
      contents: `import { Engine } from './src/engine/client';
        const engine = new Engine({ script: ${JSON.stringify(SCRIPT)}, log: () => undefined });
        void engine.request(${JSON.stringify(request)}, { onProgress: () => process.send(engine.pid) });`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    outfile: script,
  });
  return fork(script);
}

describe('files that change under a run', () => {
  const settings = (model: string, path: string | null = null): ScoreSettings =>
    scoreSettings(model, { ...synthetic(4), path, preprocessing: { preset: 'cifar10' } });

  it.each([
    ['deleted', (path: string) => rmSync(path)],
    ['overwritten', (path: string) => writeFileSync(path, 'something else')],
    ['cut off', (path: string) => truncateSync(path, 1000)],
  ])('a model %s in mid-run is one sentence, whenever it happens', async (_how, spoil) => {
    for (const stage of ['Hashing the model', 'Reading the model', 'Looking at the functions', 'Scoring']) {
      const model = save(tinyCnn(), 'net.onnx');
      const { engine } = startEngine();
      let spoiled = false;
      const onProgress = (progress: { stage: string; fraction: number }): void => {
        // 'Reading the model' comes first for inspecting, then for scoring.
        if (
          spoiled ||
          progress.stage !== stage ||
          (stage === 'Reading the model' && progress.fraction < 0.01)
        )
          return;
        spoiled = true;
        spoil(model);
      };
      const error = await scoreModel(engine, settings(model), { onProgress }).then(
        () => null,
        (reason: Error) => reason,
      );
      expect(spoiled).toBe(true);
      expect(error?.message, stage).toMatch(/net\.onnx/);
      expect(error?.message).toMatch(
        /was changed or removed while it was scored; run it again when it stays as it is\.$|does not exist\.$|not a readable ONNX model|holds no graph/,
      );
    }
  });

  it('data deleted in mid-run is one sentence that names the file', async () => {
    const folder = scratch();
    const data = join(folder, 'calibration');
    await cp(resolve('examples/calibration'), data, { recursive: true });
    const { engine } = startEngine();
    // No memory to hold the samples in: they are read again for every pass.
    const request = scoreRequest(save(tinyCnn(), 'net.onnx', folder), {
      ...settings('', data).data,
      samples: 64,
    });
    let gone = false;
    const work = engine.request(request, {
      onProgress: ({ stage }) => {
        if (stage === 'Reading samples' && !gone) rmSync(data, { recursive: true });
        gone ||= stage === 'Reading samples';
      },
    });
    await expect(work).rejects.toThrow(/calibration/);
    await expect(work).rejects.not.toThrow(/\n/);
  });

  it('external weights deleted in mid-run, too', async () => {
    const folder = scratch();
    const model = tinyCnn();
    const [tensor] = model.graph!.initializer;
    writeFileSync(join(folder, 'w.bin'), tensor.rawData);
    tensor.rawData = new Uint8Array(0);
    tensor.dataLocation = 1;
    tensor.externalData = [{ $typeName: 'onnx.StringStringEntryProto', key: 'location', value: 'w.bin' }];
    const { engine } = startEngine();
    const work = scoreModel(engine, settings(save(model, 'net.onnx', folder)), {
      onProgress: ({ stage }) =>
        stage === 'Reading samples' && rmSync(join(folder, 'w.bin'), { force: true }),
    });
    await expect(work).rejects.toThrow(/net\.onnx/);
  });
});

describe('two processes at once', () => {
  it('quantize the same model: both succeed, the config is whole, nothing is left', async () => {
    const folder = scratch();
    const model = save(tinyCnn(), 'net.onnx', folder);
    const cache = `${scratch()}/cache`;
    const args = ['quantize', model, '--synthetic', '--samples', '8', '--avg-bits', '5', '--json', '--seed'];
    const replies = await Promise.all(
      [0, 1, 0, 1].map((seed) => runCommand([...args, String(seed)], { cache })),
    );
    for (const { code, stderr } of replies) expect(code, stderr).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['net.ompq.json', 'net.onnx']);
    const config = parseConfig(readFileSync(join(folder, 'net.ompq.json'), 'utf8'), 'net.ompq.json');
    expect([0, 1]).toContain(config.calibration.seed);
    expect(readdirSync(join(cache, 'scores'))).toHaveLength(2);
  });

  it('export to the same place: one whole file, nothing beside it', async () => {
    const request = await exportRequest();
    const engines = [startEngine().engine, startEngine().engine];
    await Promise.all(engines.map((engine) => engine.request(request)));
    await expect(readModel(request.out)).resolves.toBeDefined();
    expect(readdirSync(dirname(request.out)).sort()).toEqual(['net.onnx', 'small.onnx']);
    expect(existsSync(request.out)).toBe(true);
  });
});
