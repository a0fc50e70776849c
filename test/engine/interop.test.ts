import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config';
import { nearestCode } from '../../src/core/rounding/problem';
import { Job } from '../../src/engine/process/job/job';
import { scales } from '../../src/engine/process/rounding/scales';
import { READABLE } from '../../src/interop/formats/formats';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import { readFloats } from '../../src/onnx/proto/tensors';
import { heldTensors } from '../../src/onnx/packing/weights';
import { tinyCnn, transformer } from '../support/models/zoo';
import { runCommand } from './command';
import { save, saveExternal } from './harness';

const ompq = (...args: string[]) => runCommand(args);

let folder: string;
let model: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ompq-interop-'));
  model = save(tinyCnn(), 'net.onnx', folder);
  config = join(folder, 'net.ompq.json');
  const made = await ompq(
    'quantize',
    model,
    '--synthetic',
    '--samples',
    '8',
    '--avg-bits',
    '5',
    '--objective',
    'orthogonality',
    '--lock',
    'block.conv1=3',
  );
  expect(made.code, made.stderr).toBe(0);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('scales', () => {
  it('are one per channel, and lose less than the largest weight’s', async () => {
    const path = save(transformer());
    const loaded = await readModel(path);
    const network = findNetwork(loaded);
    const job = new Job(
      () => undefined,
      () => undefined,
    );
    const bits = network.functions.map((_, i) => [3, 8, 16, 32][i % 4]);
    const reply = await scales({ kind: 'scales', model: path, granularity: 'layer', shapes: {}, bits }, job);
    const wanted = network.functions.filter((_, i) => bits[i] <= 8);
    expect(reply.tensors.map((t) => t.tensor)).toEqual(wanted.flatMap((f) => f.layers.map((l) => l.weight)));
    for (const { tensor, scales: found } of reply.tensors) {
      const i = network.functions.findIndex((f) => f.layers[0].weight === tensor);
      const { weightShape, channelAxis } = network.functions[i].layers[0];
      const [rows, columns] = weightShape;
      const values = await readFloats(heldTensors(loaded.graph!).get(tensor)!.tensor, path);
      expect(found).toHaveLength(weightShape[channelAxis]);
      const limit = 2 ** (bits[i] - 1);
      let gained = 0;
      let all = 0;
      for (const [c, scale] of found.entries()) {
        const count = channelAxis === 0 ? columns : rows;
        const channel = Array.from(
          { length: count },
          (_, k) => values[channelAxis === 0 ? c * columns + k : k * columns + c],
        );
        const error = (s: number): number =>
          channel.reduce((sum, w) => sum + (nearestCode(w, s, -limit, limit - 1) * s - w) ** 2, 0);
        const largest = Math.max(...channel.map(Math.abs)) / (limit - 1);
        gained += error(largest) - error(scale);
        all += error(largest);
      }
      // At 8 bits there is little to gain, and the search's grid may step over it.
      expect(gained).toBeGreaterThan(-0.1 * all);
      if (bits[i] === 3) expect(gained).toBeGreaterThan(0);
    }
  });
});

describe('ompq export --format', () => {
  it('writes next to the config, and never over a file unasked', async () => {
    const out = join(folder, 'net.encodings.json');
    expect((await ompq('export', config, '--format', 'aimet')).code).toBe(0);
    const first = await readFile(out, 'utf8');
    const again = await ompq('export', config, '--format', 'aimet');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') as string });
    expect((await ompq('export', config, '--format', 'aimet', '--force')).code).toBe(0);
    expect(await readFile(out, 'utf8')).toBe(first);
  });

  it('never over the model or the config, not even with --force', async () => {
    for (const out of [model, config]) {
      const before = await readFile(out);
      for (const how of [
        ['--format', 'csv'],
        ['--rounding', 'nearest'],
      ]) {
        const { code, stderr } = await ompq('export', config, ...how, '--force', '--out', out);
        expect(code, stderr).toBe(1);
        expect(stderr).toMatch(/^ompq: .*another name\.$/m);
        expect(before.equals(await readFile(out))).toBe(true);
      }
    }
  });

  it('never over the data of a model, either', async () => {
    const path = saveExternal(tinyCnn(), 'all.bin');
    const data = join(dirname(path), 'all.bin');
    const before = await readFile(data);
    const job = ['--synthetic', '--samples', '4', '--avg-bits', '5', '--objective', 'orthogonality'];
    expect((await ompq('quantize', path, ...job)).code).toBe(0);
    const own = path.replace(/\.onnx$/, '.ompq.json');
    const { code, stderr } = await ompq('export', own, '--format', 'csv', '--force', '--out', data);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/another name\.$/m) as string,
    });
    expect(before.equals(await readFile(data))).toBe(true);
  });

  it('prints with --out -, warnings apart', async () => {
    const before = await readdir(folder);
    const { code, stdout, stderr } = await ompq('export', config, '--format', 'onnxruntime', '--out', '-');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# Weights of net\.onnx[^]*TENSOR_QUANT_OVERRIDES = \{/);
    expect(stderr).toContain('onnxruntime cannot express 3 bits: 4 bits are written for "block.conv1".');
    expect(await readdir(folder)).toEqual(before);
  });

  it('scores again for the ORM matrix, as the config says', async () => {
    const { code, bytes } = await ompq('export', config, '--format', 'orm-npy', '--out', '-');
    expect(code).toBe(0);
    const orm = Array.from({ length: 16 }, (_, i) => bytes.readDoubleLE(bytes.length - 128 + 8 * i));
    const { functions } = await readConfig(config);
    functions.forEach(({ gamma }, i) => {
      const row = orm.slice(4 * i, 4 * i + 4);
      expect(row.reduce((a, b) => a + b, -row[i])).toBeCloseTo(gamma, 5);
    });
  });

  it('takes a name map', async () => {
    const map = join(folder, 'map.json');
    const nodes = ['stem', 'block.conv1', 'block.conv2', 'fc'];
    await writeFile(map, JSON.stringify(Object.fromEntries(nodes.map((node) => [node, `net.${node}`]))));
    const { stdout } = await ompq('export', config, '--format', 'hawq', '--name-map', map, '--out', '-');
    expect(stdout).toContain('"net.block.conv1": 3,');
    await writeFile(map, '{"stern": "x"}');
    const wrong = await ompq('export', config, '--format', 'hawq', '--name-map', map);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('"stern"') as string });
    const missing = await ompq('export', config, '--format', 'hawq', '--name-map', join(folder, 'none.json'));
    expect(missing.stderr).toMatch(/Cannot read .*none\.json: it does not exist/);
  });

  it('refuses a model that has changed, and formats that do not exist', async () => {
    const other = join(folder, 'other.ompq.json');
    const text = await readFile(config, 'utf8');
    await writeFile(other, text.replace(/"sha256": "[0-9a-f]{6}/, '"sha256": "000000'));
    expect((await ompq('export', other, '--format', 'csv')).stderr).toMatch(/has changed since/);
    expect(await ompq('export', config, '--format', 'tflite')).toMatchObject({ code: 2 });
  });
});

describe('ompq import', () => {
  it.each(READABLE.map((f) => f.id))('reads back what %s was given, and locks it', async (id) => {
    const file = join(folder, `back.${id}`);
    const out = join(folder, `back.${id}.ompq.json`);
    expect((await ompq('export', config, '--format', id, '--out', file)).code).toBe(0);
    const { code, stderr } = await ompq('import', file, config, '--out', out);
    expect(code, stderr).toBe(0);
    const [was, now] = [await readConfig(config), await readConfig(out)];
    expect(now.functions.every((f) => f.lock)).toBe(true);
    const width = (bits: number): number =>
      id === 'coremltools' ? ([2, 3, 4, 6, 8].find((b) => b >= bits) as number) : bits;
    expect(now.functions.map((f) => f.bits)).toEqual(was.functions.map((f) => width(f.bits)));
  });

  it('says that the bits are over the budget of the config that they go into', async () => {
    const csv = join(folder, 'wide.csv');
    await writeFile(csv, 'function,bits\nstem,8\nblock.conv1,8\nblock.conv2,8\nfc,8\n');
    const { code, stdout } = await ompq('import', csv, config, '--out', join(folder, 'wide.ompq.json'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d % over the config's budget of /m);
  });

  it('never replaces what is no config', async () => {
    const csv = join(folder, 'own.csv');
    await writeFile(csv, 'function,bits\nstem,8\n');
    const before = await readFile(model);
    const { code, stderr } = await ompq('import', csv, config, '--out', model);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/net\.onnx is not .* It is left as it is/);
    expect(before.equals(await readFile(model))).toBe(true);
  });

  it('scores a model that has no config, and keeps exactly the given bits', async () => {
    const fresh = join(folder, 'fresh.onnx');
    await copyFile(model, fresh);
    const csv = join(folder, 'bits.csv');
    await writeFile(csv, 'function,bits\nstem,8\nblock.conv1,2\nblock.conv2,7\nfc,16\nhead,4\n');
    expect((await ompq('import', csv, fresh)).code).toBe(2);
    const { code, stderr } = await ompq('import', csv, fresh, '--synthetic', '--samples', '8');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('the model has no function for "head"');
    const { functions, totals } = await readConfig(join(folder, 'fresh.ompq.json'));
    expect(functions.map((f) => f.bits)).toEqual([8, 2, 7, 16]);
    expect(functions.every((f) => f.lock && f.gamma > 0)).toBe(true);
    expect(totals.bytes).toBe(totals.budgetBytes);
  });

  it('gives the rest the average of what the file names', async () => {
    const csv = join(folder, 'some.csv');
    await writeFile(csv, 'function,bits\nstem,6\nblock.conv1,4\n');
    const some = join(folder, 'some.onnx');
    await copyFile(model, some);
    const { code, stderr } = await ompq('import', csv, some, '--synthetic', '--samples', '8');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('says nothing of "block.conv2" and "fc"');
    const { functions, totals, allocation } = await readConfig(join(folder, 'some.ompq.json'));
    expect(functions.slice(0, 2).map((f) => [f.bits, f.lock])).toEqual([
      [6, true],
      [4, true],
    ]);
    const given = 'averageBits' in allocation.budget ? allocation.budget.averageBits : 0;
    expect(totals.averageBits).toBeLessThanOrEqual(given);
  });

  it('says of a file of another kind that it is one', async () => {
    const strange = join(folder, 'strange.json');
    await writeFile(strange, '{"layers": []}');
    const { code, stderr } = await ompq('import', strange, config);
    expect(code).toBe(1);
    expect(stderr).toMatch(/strange\.json: format not recognized \(known: brecq, aimet/);
    const named = await ompq('import', strange, config, '--format', 'aimet');
    expect(named.stderr).toMatch(/strange\.json holds no "param_encodings"/);
    const foreign = join(folder, 'foreign.csv');
    await writeFile(foreign, 'function,bits\nconv9,4\n');
    expect((await ompq('import', foreign, config)).stderr).toMatch(
      /refers to no layer of the model, only to "conv9"/,
    );
  });
});
