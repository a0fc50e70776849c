/** Layers in the branches of an If: found on the data, scored, quantized in their place, and nothing else touched. */
import { create, toBinary } from '@bufbuild/protobuf';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { DataSpec } from '../../src/calibration/inputs/spec';
import { parseConfig } from '../../src/config/config';
import { readModel } from '../../src/onnx/files/file';
import { editBodies } from '../../src/onnx/graph/bodies';
import { withGraph } from '../../src/onnx/graph/subgraph';
import { takeBranches } from '../../src/onnx/network/branches';
import { findNetwork } from '../../src/onnx/network/functions';
import type { Branches } from '../../src/onnx/network/network';
import { tensorFinder } from '../../src/onnx/packing/weights';
import { bodiesOf } from '../../src/onnx/proto/attributes';
import { tensor } from '../../src/onnx/proto/build';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../../src/onnx/proto/onnx_pb';
import { shallowCopy } from '../../src/onnx/proto/shallowCopy';
import { branched } from '../support/models/branched';
import { sileroV4, sileroV5 } from '../support/models/thirdparty';
import { runCommand } from './command';
import { compare, type Options, quantize } from './exporting';
import { expectSameOrm, referenceGrams, save, scoreOnce, scratch, startEngine, synthetic } from './harness';

/** The data with the branches that the model takes on them. */
async function looked(model: string, data: DataSpec): Promise<DataSpec> {
  const { engine } = startEngine();
  const inspect = {
    kind: 'inspect' as const,
    model,
    granularity: 'layer' as const,
    shapes: data.shapes,
    data,
  };
  return { ...data, branches: (await engine.request(inspect)).branches };
}

const inMode = (mode: number): DataSpec => ({ ...synthetic(24), values: { mode } });

type Feeds = Record<string, ort.Tensor>;

async function run(model: Uint8Array, feeds: Feeds): Promise<Record<string, Buffer>> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
  const outputs = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => {
      const { buffer, byteOffset, byteLength } = data as Float32Array;
      return [name, Buffer.from(buffer, byteOffset, byteLength)];
    }),
  );
}

function floats(buffer: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(buffer).buffer);
}

/** Nodes and tensors of `source` that `written` has no more, by the tensor they make or hold; all others are equal. */
function missing(source: GraphProto, written: GraphProto): string[] {
  const gone: string[] = [];
  const tensors = new Map(written.initializer.map((each) => [each.name, each]));
  for (const each of source.initializer) {
    const other = tensors.get(each.name);
    if (!other) gone.push(each.name);
    else expect(Buffer.from(toBinary(TensorProtoSchema, other))).toEqual(toBytes(TensorProtoSchema, each));
  }
  const nodes = new Map(written.node.map((each) => [`${each.opType} ${each.output.join()}`, each]));
  for (const each of source.node) {
    const other = nodes.get(`${each.opType} ${each.output.join()}`);
    if (!other) gone.push(each.output.join());
    else if (bodiesOf(each).length === 0) {
      expect(Buffer.from(toBinary(NodeProtoSchema, other))).toEqual(toBytes(NodeProtoSchema, each));
    } else {
      const others = bodiesOf(other);
      bodiesOf(each).forEach((body, i) => gone.push(...missing(body, others[i])));
    }
  }
  return gone;
}

const toBytes = (...args: Parameters<typeof toBinary>): Buffer => Buffer.from(toBinary(...args));

describe('which branch is taken', () => {
  it.each([
    [1, { choose: 'then', 'choose.then/inside': 'else' }],
    [3, { choose: 'else', 'choose.else/inside': 'then' }],
  ])('follows from the data: mode %i', async (mode, branches) => {
    expect((await looked(save(branched()), inMode(mode))).branches).toEqual(branches);
  });

  it('is left open where the samples differ', async () => {
    expect((await looked(save(branched('sample')), inMode(1))).branches).toEqual({});
  });

  it('is asked of a made-up sample where there are no data', async () => {
    const { engine } = startEngine();
    const request = { kind: 'inspect' as const, granularity: 'layer' as const, shapes: {} };
    const found = await engine.request({ ...request, model: sileroV5.path });
    expect(found.branches).toMatchObject({ If_0: 'then' });
    expect(found.network.functions).toHaveLength(6);
  });
});

it('scores layers in branches as the straightforward way does', async () => {
  const model = save(branched());
  const data = await looked(model, inMode(1));
  const { reply } = await scoreOnce(model, data);
  expectSameOrm(reply, await referenceGrams(model, data));
});

describe.each(['nearest', 'gptq', 'reconstruct'] as const)('by %s', (rounding) => {
  it.each([
    [1, ['shared', 'choose.then/w', 'choose.then/inside.else/v']],
    [2, ['shared', 'choose.else/w', 'choose.else/inside.then/v']],
  ])('stores the weights of the branch that is taken in their places: mode %i', async (mode, inner) => {
    const model = save(branched());
    const data = await looked(model, inMode(mode));
    const reply = await quantize(model, { data, rounding, width: 4 });
    const written = await readModel(reply.out);
    const file = await readModel(model);
    const weights = new Set(
      findNetwork(file, { branches: data.branches }).functions.flatMap((f) => f.layers.map((l) => l.weight)),
    );
    expect([...weights]).toEqual(['first.weight', ...inner, 'last.weight']);
    const local = [...weights].map((name) => name.slice(name.lastIndexOf('/') + 1));
    expect(missing(file.graph!, written.graph!).sort()).toEqual(local.sort());
    const { against, layers } = await compare(model, reply.out, data);
    expect(against!.sqnrDb).toBeGreaterThan(8);
    expect(layers!.map(({ name }) => name)).toContain(inner[1].replace('/w', '/proj'));
  });
});

it('quantizes the other branch in a second pass over the written file', async () => {
  const model = save(branched());
  const first = await looked(model, inMode(1));
  const { out } = await quantize(model, { data: first, width: 6 });
  const second = await looked(out, inMode(2));
  const names = findNetwork(await readModel(out), { branches: second.branches }).functions.map((f) => f.name);
  expect(names).toEqual(['choose.else/proj', 'choose.else/inside.then/deep']);
  const both = await quantize(out, { data: second, width: 6, out: join(scratch(), 'both.onnx') });
  expect((await compare(out, both.out, first)).against!.sqnrDb).toBe(Infinity);
  expect((await compare(model, both.out, second)).against!.sqnrDb).toBeGreaterThan(20);
});

it('runs the layers outside of branches on integers, those inside in float', async () => {
  const model = save(branched());
  const data = await looked(model, inMode(1));
  const { out, activations } = await quantize(model, {
    data,
    width: 6,
    activations: { bits: 8, range: 'minmax' },
  });
  expect([activations!.integerLayers, activations!.layers]).toEqual([2, 6]);
  expect((await compare(model, out, data)).against!.sqnrDb).toBeGreaterThan(15);
});

const audio = (length: number): ort.Tensor =>
  new ort.Tensor(
    'float32',
    Float32Array.from({ length }, (_, i) => 0.5 * Math.sin(0.001 * i * i)),
    [1, length],
  );
const rate = (hertz: number): ort.Tensor => new ort.Tensor('int64', [BigInt(hertz)], []);
const zeros = (...dims: number[]): ort.Tensor =>
  new ort.Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);

/** The original with the weights that the written file unpacks, each in the body that held it. */
async function withUnpacked(source: ModelProto, written: ModelProto, branches: Branches, feeds: Feeds) {
  const layers = findNetwork(source, { branches }).functions.flatMap((f) => f.layers);
  const weights = layers.map((l) => l.weight);
  const flat = takeBranches(written, branches).model;
  const output = weights.map((name) => create(ValueInfoProtoSchema, { name }));
  const unpacked = await run(toBinary(ModelProtoSchema, withGraph(flat, { output })), feeds);
  const find = tensorFinder(source, branches);
  const edits = new Map<GraphProto, (body: GraphProto) => GraphProto>();
  for (const weight of weights) {
    const { body, name, tensor: float } = find(weight)!;
    const values = floats(unpacked[weight]);
    // A recurrent layer has a row of weights for every gate of every unit, of each direction.
    const isRecurrent = layers.some((l) => l.weight === weight && ['LSTM', 'GRU', 'RNN'].includes(l.op));
    const rows = float.dims.slice(0, isRecurrent ? 2 : 1).reduce((all, dim) => all * Number(dim), 1);
    expect(distinct(values, rows)).toBeLessThanOrEqual(16);
    const before = edits.get(body) ?? ((each: GraphProto) => each);
    edits.set(body, (each) => {
      const rest = before(each);
      return shallowCopy(GraphProtoSchema, rest, {
        node: rest.node.filter(({ output: [first] }) => first !== name),
        initializer: [
          ...rest.initializer.filter((one) => one.name !== name),
          tensor(name, float.dims.map(Number), values),
        ],
      });
    });
  }
  return toBinary(ModelProtoSchema, withGraph(source, editBodies(source.graph!, edits)));
}

/** Most different values in a row of `rows`. */
function distinct(values: Float32Array, rows: number): number {
  const length = values.length / rows;
  return Math.max(
    ...Array.from({ length: rows }, (_, r) => new Set(values.subarray(r * length, (r + 1) * length)).size),
  );
}

describe.each([
  [sileroV4, 290e3, () => ({ h: zeros(2, 1, 64), c: zeros(2, 1, 64) })],
  [sileroV5, 600e3, () => ({ state: zeros(2, 1, 128) })],
] as const)('$name', ({ path }, saved, states) => {
  const feeds = (hertz: number): Feeds => ({
    input: audio((512 * hertz) / 16000),
    sr: rate(hertz),
    ...states(),
  });

  it.each(['nearest', 'gptq', 'reconstruct'] as const)(
    'is quantized in its branch, by %s',
    async (rounding) => {
      const data = await looked(path, synthetic(32, { input: [1, 512] }));
      const options: Options = { data, rounding, width: 4, out: join(scratch(), 'small.onnx') };
      const { out, bytes, warnings } = await quantize(path, options);
      expect(bytes).toBeLessThan(statSync(path).size - saved);
      expect(warnings.filter((each) => !each.includes('sr'))).toEqual([]);

      const [source, written] = [await readModel(path), await readModel(out)];
      const small = await run(readFileSync(out), feeds(16000));
      expect(small).toEqual(
        await run(await withUnpacked(source, written, data.branches!, feeds(16000)), feeds(16000)),
      );
      expect(small).not.toEqual(await run(readFileSync(path), feeds(16000)));
      // The branch of the other rate computes what it did, bit for bit.
      expect(await run(readFileSync(out), feeds(8000))).toEqual(await run(readFileSync(path), feeds(8000)));

      const { against, layers } = await compare(path, out, data);
      expect(against!.sqnrDb).toBeGreaterThan(rounding === 'nearest' ? 1 : 8);
      expect(layers).toHaveLength(findNetwork(source, { branches: data.branches }).functions.length);
    },
  );

  it('is scored, and its other branch with another value for the rate', async () => {
    const data = await looked(path, synthetic(8, { input: [1, 512] }));
    const { reply } = await scoreOnce(path, data);
    expectSameOrm(reply, await referenceGrams(path, data));
    const other = await looked(path, { ...synthetic(8), values: { sr: 8000 } });
    expect(Object.values(other.branches!)[0]).not.toBe(Object.values(data.branches!)[0]);
    expect((await scoreOnce(path, other)).reply.grams.every(Number.isFinite)).toBe(true);
  });

  it('keeps its activations in float, and says so', async () => {
    const data = await looked(path, synthetic(4));
    const folder = scratch();
    const activations = { bits: 8, range: 'minmax' } as const;
    const asked = quantize(path, { data, activations, out: join(folder, 'small.onnx') });
    await expect(asked).rejects.toThrow(/outside of branches\): quantize its weights only\.$/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('activations of layers in a branch', () => {
  const silero = (folder: string, ...args: string[]) =>
    runCommand(
      [
        'quantize',
        sileroV5.path,
        '--synthetic',
        '--samples',
        '4',
        '--value',
        'sr=16000',
        '--no-cache',
      ].concat(['--objective', 'noise-aware', '--avg-bits', '8', '--out', join(folder, 's.ompq.json')], args),
    );

  it('stay floats, are counted so, and an export says that only weights are quantized', async () => {
    const folder = scratch();
    const shape = ['--shape', 'input=1x512', '--bops', '100G'];
    const done = await silero(folder, ...shape, '--act-widths', '4-8');
    expect(done.stderr).toContain('all functions keep float activations');
    expect(done.stdout).not.toContain('--act-bits');
    const path = join(folder, 's.ompq.json');
    const { functions } = parseConfig(readFileSync(path, 'utf8'), path);
    expect(functions.map((f) => f.activationBits)).toEqual(functions.map(() => 32));
    const exported = await runCommand(['export', path, '--act-bits', 'config', '--rounding', 'nearest']);
    expect(exported.code).toBe(0);
    expect(exported.stderr).toContain(
      'every function keeps float activations, so only weights are quantized',
    );
    const fixed = await silero(scratch(), ...shape, '--act-bits', '8');
    const bops = functions.reduce((sum, f) => sum + f.macs! * f.bits * 32, 0);
    expect(fixed.stdout).toContain(`BOPs: ${(bops / 1e6).toFixed(2)} M of`);
  });

  it('have unknown sizes: a limit on their memory says so', async () => {
    const { stderr } = await silero(scratch(), '--peak-activation', '1MB');
    expect(stderr).toMatch(/activation memory cannot be counted: the sizes of .* --shape/);
  });
});

describe('values that nothing told', () => {
  it('are named where a branch is not taken', async () => {
    const unsaid = await runCommand(['inspect', sileroV5.path]);
    expect(unsaid.stdout).toContain(
      'the If node "If_0", which sr=16000 does not take (synthetic input; --value sr=NUMBER chooses)',
    );
    expect(unsaid.stdout).not.toContain('calibration data');
    const said = await runCommand(['inspect', sileroV5.path, '--value', 'sr=8000']);
    expect(said.stdout).toMatch(/"If_0", which sr=8000 does not take$/m);
  });

  it('and on which the model does not run are named, too', async () => {
    const { code, stderr } = await runCommand(['score', sileroV5.path, '--synthetic', '--value', 'sr=44100']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/does not run with sr=44100: choose another value\. ONNX Runtime cannot run/);
  });
});

it('ompq eval calls equal layers identical', async () => {
  const args = ['eval', sileroV5.path, sileroV5.path, '--synthetic', '--limit', '2', '--value', 'sr=16000'];
  const { stdout } = await runCommand([...args, '--per-layer']);
  expect(stdout).toContain('SQNR identical');
  expect(stdout).toMatch(/Conv +identical +1\.00000$/m);
  expect(stdout).not.toContain('Infinity');
});
