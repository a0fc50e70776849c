/** Shapes that model files come in: each computes the same in our one form, and its layers are found and quantized. */
import { create, toBinary } from '@bufbuild/protobuf';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { attribute, float, floats, int64s, node, tensor, valueInfo } from '../../src/onnx/proto/build';
import { graphBody } from '../support/models/graphBody';
import { canonicalModel } from '../../src/onnx/canonical/canonical';
import { readModel } from '../../src/onnx/files/file';
import { opsetOf } from '../../src/onnx/proto/attributes';
import { findNetwork } from '../../src/onnx/network/functions';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  TensorProto_DataType as DataType,
  type FunctionProto,
  type ModelProto,
  type NodeProto,
} from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { Random } from '../support/models/random';
import { quantize, type Options } from './exporting';
import { save, scratch, startEngine, synthetic } from './harness';

const FEATURES = 12;

async function outputs(
  model: ModelProto | string,
  shape: number[],
  inputName = 'x',
): Promise<Float32Array[]> {
  const bytes = typeof model === 'string' ? readFileSync(model) : toBinary(ModelProtoSchema, model);
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
  const count = shape.reduce((a, b) => a * b, 1);
  const x = new ort.Tensor('float32', new Random(5).normals(count, 1), shape);
  const results = await session.run({ [inputName]: x });
  await session.release();
  return session.outputNames.map((name) => results[name].data as Float32Array);
}

/** How far apart the outputs are, relative to the largest number. */
function distance(a: Float32Array[], b: Float32Array[]): number {
  expect(b.map(({ length }) => length)).toEqual(a.map(({ length }) => length));
  const largest = Math.max(...a.flatMap((each) => [...each].map(Math.abs)));
  expect(largest).toBeGreaterThan(0);
  return (
    Math.max(...a.flatMap((each, i) => [...each].map((value, k) => Math.abs(value - b[i][k])))) / largest
  );
}

async function inspected(path: string) {
  const { engine } = startEngine();
  const reply = await engine.request({ kind: 'inspect', model: path, granularity: 'layer', shapes: {} });
  return reply.network;
}

/** Exports at 32 bits (equal to the original) and at 8 (close to it); gives back the functions that were found. */
async function chain(
  model: ModelProto,
  shape: number[],
  options: Options = { rounding: 'nearest' },
): Promise<string[]> {
  const path = save(model);
  const network = await inspected(path);
  const bits = (width: number) => network.functions.map(() => width);
  const original = await outputs(path, shape);
  const whole = await quantize(path, { ...options, bits: bits(32), out: join(scratch(), 'whole.onnx') });
  expect(distance(original, await outputs(whole.out, shape))).toBeLessThan(1e-6);
  const small = await quantize(path, { ...options, bits: bits(8), out: join(scratch(), 'small.onnx') });
  const error = distance(original, await outputs(small.out, shape));
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThan(0.05);
  return network.functions.map(({ name }) => name);
}

function functionProto(
  name: string,
  input: string[],
  output: string[],
  nodes: NodeProto[],
  more: Partial<Omit<FunctionProto, '$typeName' | '$unknown'>> & { opset?: number } = {},
): FunctionProto {
  const { opset = 17, ...rest } = more;
  return create(FunctionProtoSchema, {
    name,
    domain: 'own',
    input,
    output,
    node: nodes,
    opsetImport: [
      { domain: '', version: BigInt(opset) },
      { domain: 'own', version: 1n },
    ],
    ...rest,
  });
}

const reference = (name: string, to: string, type: number) =>
  create(AttributeProtoSchema, { name, refAttrName: to, type });

/** A model with functions whose nodes are of the domain "own". */
function calling(functions: FunctionProto[], write: (b: ModelBuilder) => string, opset = 17): ModelProto {
  const b = new ModelBuilder({ opset, seed: 3 });
  b.input('x', ['batch', FEATURES]);
  const model = b.output(write(b)).build();
  model.functions = functions;
  model.opsetImport = [
    ...model.opsetImport,
    ...[{ domain: 'own', version: 1n }].map((each) => ({ ...model.opsetImport[0], ...each })),
  ];
  return model;
}

const own = { domain: 'own' };

describe('functions of the model', () => {
  it('are put in line: nested, with defaults, with one name for tensors of several calls', async () => {
    const leaky = create(NodeProtoSchema, {
      opType: 'LeakyRelu',
      input: ['sum'],
      output: ['out'],
      attribute: [reference('alpha', 'slope', 1)],
    });
    const dense = functionProto(
      'Dense',
      ['in', 'w', 'bias'],
      ['out'],
      [node('MatMul', ['in', 'w'], ['sum0']), node('Add', ['sum0', 'bias'], ['sum']), leaky],
      { attributeProto: [attribute('slope', float(0.3))] },
    );
    const slope = create(NodeProtoSchema, {
      opType: 'Dense',
      domain: 'own',
      input: ['mid', 'b', 'c'],
      output: ['out'],
      attribute: [reference('slope', 'inner', 1)],
    });
    const twice = functionProto(
      'Twice',
      ['in', 'a', 'b', 'c'],
      ['out'],
      [node('Dense', ['in', 'a', 'c'], ['mid'], {}, own), slope],
      { attribute: ['inner'] },
    );
    const model = calling([twice, dense], (b) => {
      const w = (name: string) => b.weight(name, [FEATURES, FEATURES], 0.4);
      const bias = b.weight('bias', [FEATURES], 0.1);
      const y = b.op(
        'Twice',
        ['x', w('w1'), w('w2'), bias],
        { inner: float(0.05) },
        { ...own, name: 'block.0' },
      );
      return b.op('Dense', [y, w('w3'), bias], {}, { ...own, name: 'head' });
    });
    const flat = canonicalModel(model);
    expect(flat.functions).toEqual([]);
    expect(flat.graph!.node.map(({ opType }) => opType).join(' ')).toBe(
      'MatMul Add LeakyRelu MatMul Add LeakyRelu MatMul Add LeakyRelu',
    );
    expect(distance(await outputs(model, [4, FEATURES]), await outputs(flat, [4, FEATURES]))).toBe(0);
    expect(await chain(model, [4, FEATURES])).toEqual([
      'block.0/Dense_0/MatMul_0',
      'block.0/Dense_1/MatMul_0',
      'head/MatMul_0',
    ]);
  });

  it('keep bodies, left-out inputs and outputs, and tensors that pass through', async () => {
    const branch = (name: string, op: string) =>
      graphBody(name, [node(op, ['product'], ['chosen'])], [], [valueInfo('chosen', DataType.FLOAT, null)]);
    const chooser = functionProto(
      'Chooser',
      ['in', 'w', 'low'],
      ['out', 'same', 'unused'],
      [
        node('MatMul', ['in', 'w'], ['product']),
        node('ReduceSum', ['in'], ['all'], { keepdims: 0 }),
        node('Constant', [], ['zero'], { value: tensor('', [], Float32Array.of(0)) }),
        node('Greater', ['all', 'zero'], ['positive']),
        node('If', ['positive'], ['out'], {
          then_branch: branch('then', 'Relu'),
          else_branch: branch('else', 'Tanh'),
        }),
        node('Identity', ['in'], ['same']),
        node('Clip', ['in', 'low'], ['unused']),
      ],
    );
    const model = calling([chooser], (b) => {
      const w = b.weight('w1', [FEATURES, FEATURES], 0.4);
      b.graph.node.push(node('Chooser', ['x', w], ['first', 'again', ''], {}, { ...own, name: 'a' }));
      b.graph.node.push(node('Chooser', ['again', w], ['second', '', ''], {}, { ...own, name: 'b' }));
      return b.op('Add', ['first', 'second']);
    });
    const flat = canonicalModel(model);
    expect(distance(await outputs(model, [4, FEATURES]), await outputs(flat, [4, FEATURES]))).toBe(0);
    expect(findNetwork(flat).functions.map(({ name }) => name)).toEqual(['a/MatMul_0', 'b/MatMul_0']);
  });

  it('of another operator set are lifted to that of the model, or the model to theirs', async () => {
    const softmax = functionProto(
      'Flat',
      ['in', 'w'],
      ['out'],
      [node('MatMul', ['in', 'w'], ['y']), node('Softmax', ['y'], ['out'], { axis: 1 })],
      { opset: 11 },
    );
    const write = (b: ModelBuilder) =>
      b.op('Flat', ['x', b.weight('w', [FEATURES, 7], 0.4)], {}, { ...own, name: 'flat' });
    const older = canonicalModel(calling([softmax], write));
    expect(older.functions).toEqual([]);
    const [probabilities] = await outputs(older, [4, FEATURES]);
    expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(4, 5);

    const newer = canonicalModel(
      calling(
        [{ ...softmax, opsetImport: functionProto('', [], [], [], { opset: 17 }).opsetImport }],
        write,
        13,
      ),
    );
    expect(newer.functions).toEqual([]);
    expect(Number(newer.opsetImport.find(({ domain }) => domain === '')?.version)).toBe(17);
  });

  it('that call themselves are refused in one sentence', () => {
    const again = functionProto('Again', ['in'], ['out'], [node('Again', ['in'], ['out'], {}, own)]);
    const model = calling([again], (b) => b.op('Again', ['x'], {}, own));
    expect(() => canonicalModel(model)).toThrow('The function "Again" of the model calls itself.');
  });
});

describe('operators that ONNX Runtime fused', () => {
  const microsoft = { domain: 'com.microsoft' };
  const withDomain = (b: ModelBuilder): ModelProto => {
    const model = b.build();
    model.opsetImport = [
      ...model.opsetImport,
      { ...model.opsetImport[0], domain: 'com.microsoft', version: 1n },
    ];
    return model;
  };

  it('FusedConv with every activation, with and without a sum', async () => {
    const b = new ModelBuilder({ seed: 4 });
    let y = b.input('x', ['batch', 4, 6, 6]);
    const activations: Record<string, number[]> = {
      Relu: [],
      Tanh: [],
      Sigmoid: [],
      LeakyRelu: [0.2],
      Clip: [-0.8, 0.9],
      HardSigmoid: [0.2, 0.4],
    };
    for (const [activation, parameters] of Object.entries(activations)) {
      const attributes = {
        kernel_shape: [3, 3],
        pads: [1, 1, 1, 1],
        activation,
        ...(parameters.length > 0 ? { activation_params: floats(parameters) } : {}),
      };
      const input = [y, b.weight('w', [4, 4, 3, 3], 0.3), b.weight('bias', [4], 0.1)];
      const sum = activation === 'Tanh' || activation === 'Clip' ? ['x'] : [];
      y = b.op('FusedConv', [...input, ...sum], attributes, { ...microsoft, name: activation });
    }
    b.output(y);
    expect(await chain(withDomain(b), [2, 4, 6, 6])).toEqual(Object.keys(activations));
  });

  it('FusedGemm and FusedMatMul with transposes and a factor', async () => {
    const b = new ModelBuilder({ seed: 4 });
    b.input('x', ['batch', 8]);
    const gemm = { transB: 1, activation: 'LeakyRelu', activation_alpha: float(0.1) };
    const y = b.op('FusedGemm', ['x', b.weight('w1', [10, 8], 0.3), b.weight('c', [10], 0.1)], gemm, {
      ...microsoft,
      name: 'gemm',
    });
    const z = b.op(
      'FusedMatMul',
      [y, b.weight('w2', [6, 10], 0.3)],
      { transB: 1, alpha: float(0.5) },
      {
        ...microsoft,
        name: 'matmul',
      },
    );
    b.output(z);
    const model = withDomain(b);
    expect(await chain(model, [3, 8])).toEqual(['gemm', 'matmul']);
    expect(canonicalModel(model).graph!.node.map(({ opType }) => opType)).toEqual([
      'Gemm',
      'LeakyRelu',
      'Transpose',
      'MatMul',
      'Constant',
      'Mul',
    ]);
  });

  it('a file made for one kind of processor is refused, with a way out', async () => {
    const b = new ModelBuilder();
    b.input('x', ['batch', 16, 6, 6]);
    const w = b.weight('w', [16, 16, 3, 3], 0.1);
    const y = b.op('Conv', ['x', w], {}, { domain: 'com.microsoft.nchwc' });
    await expect(inspected(save(b.output(y).build()))).rejects.toThrow(
      /com\.microsoft\.nchwc.*take the model from before that optimization/,
    );
  });
});

describe('Einsum with stored weights', () => {
  /** [equation, sizes of x (the first one open), sizes of the weights, operators that it becomes] */
  const PRODUCTS: [string, number[], number[], string][] = [
    ['bij,jk->bik', [2, 3, 6], [6, 9], 'MatMul'],
    ['bij, kj -> bik', [2, 3, 6], [9, 6], 'Transpose MatMul'],
    ['...j,jk->...k', [2, 3, 4, 6], [6, 9], 'MatMul'],
    ['bij,jk', [2, 3, 6], [6, 9], 'MatMul'],
    ['bsd,dhk->bshk', [2, 3, 6], [6, 4, 5], 'Constant Reshape MatMul Constant Reshape'],
    ['bshd,hde->bse', [2, 3, 4, 6], [4, 6, 9], 'Constant Reshape Constant Reshape MatMul'],
    ['bhd,hdk->bk', [2, 4, 6], [4, 6, 9], 'Constant Reshape Constant Reshape MatMul'],
    ['bhsd,hdk->bhsk', [2, 4, 3, 6], [4, 6, 9], 'MatMul'],
    ['bshd,hdk->bshk', [2, 3, 4, 6], [4, 6, 9], 'Transpose MatMul Transpose'],
    ['bnid,nde->bine', [2, 4, 3, 6], [4, 6, 9], 'MatMul Transpose'],
    ['ij,bjk->bik', [2, 6, 3], [9, 6], 'MatMul'],
    ['nchw,co->nohw', [2, 6, 3, 4], [6, 9], 'Transpose MatMul Transpose'],
  ];

  const einsum = ([equation, sizes, weights]: (typeof PRODUCTS)[number]): ModelProto => {
    const b = new ModelBuilder({ seed: 12 });
    b.input('x', ['batch', ...sizes.slice(1)]);
    const w = b.weight('w', weights, 0.4);
    const operands = equation.startsWith('ij,') ? [w, 'x'] : ['x', w];
    return b.output(b.op('Einsum', operands, { equation }, { name: 'product' })).build();
  };

  it('is the same product in as few steps as its order of axes allows', async () => {
    for (const each of PRODUCTS) {
      const [equation, sizes, , steps] = each;
      const flat = canonicalModel(einsum(each));
      const made = flat.graph!.node.map(({ opType }) => opType).join(' ');
      expect([equation, made]).toEqual([equation, steps]);
      expect(distance(await outputs(einsum(each), sizes), await outputs(flat, sizes))).toBeLessThan(1e-6);
    }
  });

  it('is quantized like others: heads that share an axis, rows behind columns, heads of their own', async () => {
    for (const equation of ['bsd,dhk->bshk', 'ij,bjk->bik', 'bshd,hdk->bshk']) {
      const each = PRODUCTS.find(([own]) => own === equation)!;
      expect([equation, await chain(einsum(each), each[1])]).toEqual([equation, ['product']]);
    }
  });

  it('that is no product stays, and its equation is named', async () => {
    for (const equation of ['bij,jk->bk', 'bij,ij->bij', 'bij,kl->bik', 'bii,ij->bj']) {
      const b = new ModelBuilder({ seed: 12 });
      b.input('x', ['batch', 40, 40]);
      const y = b.op('Einsum', ['x', b.weight('w', [40, 40], 0.4)], { equation }, { name: 'other' });
      const model = b.output(y).build();
      expect(canonicalModel(model).graph!.node.map(({ opType }) => opType)).toEqual(['Einsum']);
      expect((await inspected(save(model))).skipped).toEqual([
        {
          name: 'other',
          op: 'Einsum',
          reason: `its equation "${equation}" is no product of the input with a matrix`,
        },
      ]);
    }
  });
});

describe('weights that are computed from stored ones', () => {
  it('fake quantization per channel and per tensor, at float32 and float16', async () => {
    const b = new ModelBuilder({ seed: 6 });
    b.input('x', ['batch', 3, 8, 8]);
    const fake = (name: string, dims: number[], axis: number | null) => {
      const w = b.weight(name, dims, 0.3);
      const count = axis === null ? 1 : dims[axis];
      const scale = b.initializer(
        `${name}.s`,
        axis === null ? [] : [count],
        new Float32Array(count).fill(0.01),
      );
      const zero = b.initializer(`${name}.z`, axis === null ? [] : [count], new Int8Array(count));
      const attributes: Record<string, number> = axis === null ? {} : { axis };
      const codes = b.op('QuantizeLinear', [w, scale, zero], attributes);
      return b.op('DequantizeLinear', [codes, scale, zero], attributes);
    };
    const y = b.op('Conv', ['x', fake('w1', [8, 3, 3, 3], 0)], { pads: [1, 1, 1, 1] }, { name: 'conv' });
    const flat = b.flatten(b.globalAveragePool(b.relu(y)));
    b.output(b.op('Gemm', [flat, fake('w2', [5, 8], null)], { transB: 1 }, { name: 'fc' }));
    const model = b.build();
    expect(await chain(model, [2, 3, 8, 8])).toEqual(['conv', 'fc']);
  });

  it('weight norm, sums, concatenations and reshapes of constants', async () => {
    const b = new ModelBuilder({ seed: 7 });
    b.input('x', ['batch', FEATURES]);
    const v = b.weight('v', [9, FEATURES], 0.5);
    const norm = b.op('ReduceL2', [v], { axes: [1] });
    const normed = b.op('Mul', [v, b.op('Div', [b.weight('g', [9, 1], 1), norm])]);
    const first = b.op('Gemm', ['x', normed], { transB: 1 }, { name: 'normed' });
    const halves = [b.weight('left', [9, 4], 0.4), b.weight('right', [9, 3], 0.4)];
    const joined = b.op('Concat', halves, { axis: 1 });
    const second = b.op('MatMul', [b.relu(first), joined], {}, { name: 'joined' });
    const lora = b.op('Add', [
      b.weight('w', [7, 6], 0.4),
      b.op('MatMul', [b.weight('down', [7, 2], 0.3), b.weight('up', [2, 6], 0.3)]),
    ]);
    const third = b.op('MatMul', [b.relu(second), lora], {}, { name: 'lora' });
    const mixed = b.reshape(b.weight('mixed', [3, 4, 5], 0.4), [6, 10]);
    b.output(b.op('MatMul', [third, mixed], {}, { name: 'reshaped' }));
    expect(await chain(b.build(), [4, FEATURES])).toEqual(['normed', 'joined', 'lora', 'reshaped']);
  });

  it('what is expanded from a few numbers stays as small as it is', async () => {
    const b = new ModelBuilder({ seed: 7 });
    b.input('x', ['batch', FEATURES]);
    const w = b.op('Expand', [b.weight('row', [1, 30], 1), b.int64s('shape', [FEATURES, 30])]);
    const y = b.op('MatMul', ['x', w], {}, { name: 'expanded' });
    b.setChannels(y, 30);
    b.output(b.matmul(y, 4, { name: 'last', bias: false }));
    const network = await inspected(save(b.build()));
    expect(network.functions.map(({ name }) => name)).toEqual(['last']);
    expect(network.skipped).toEqual([
      { name: 'expanded', op: 'MatMul', reason: 'its weights are computed by the operator Expand' },
    ]);
  });
});

describe('sparse initializers', () => {
  const model = (nonzero: number, coordinates: boolean): ModelProto => {
    const b = new ModelBuilder({ seed: 8 });
    b.input('x', ['batch', 20]);
    const positions = Array.from({ length: nonzero }, (_, i) => Math.floor((i * 300) / nonzero));
    const flat = coordinates ? positions.flatMap((at) => [Math.floor(at / 15), at % 15]) : positions;
    const y = b.setChannels(b.op('MatMul', ['x', 'w'], {}, { name: 'sparse' }), 15);
    const built = b.output(b.matmul(y, 4, { name: 'last', bias: false })).build();
    built.graph!.sparseInitializer = [
      create(SparseTensorProtoSchema, {
        values: tensor('w', [nonzero], b.random.normals(nonzero, 0.5)),
        indices: coordinates ? tensor('', [nonzero, 2], BigInt64Array.from(flat, BigInt)) : int64s('', flat),
        dims: [20n, 15n],
      }),
    ];
    return built;
  };

  it('with many elements are weights like others', async () => {
    for (const coordinates of [false, true]) {
      expect(await chain(model(90, coordinates), [3, 20])).toEqual(['sparse', 'last']);
    }
  });

  it('with few elements stay, and that is said', async () => {
    const network = await inspected(save(model(6, false)));
    expect(network.skipped).toEqual([
      {
        name: 'sparse',
        op: 'MatMul',
        reason: 'its weights are stored sparsely, in less room than 4 bits each',
      },
    ]);
  });
});

describe('IR version 3', () => {
  it('initializers that are inputs become constants, and the file stays valid', async () => {
    const b = new ModelBuilder({ seed: 9, opset: 8, irVersion: 3 });
    b.input('x', [2, FEATURES]);
    b.output(
      b.matmul(b.relu(b.matmul('x', 9, { name: 'one', bias: false })), 5, { name: 'two', bias: false }),
    );
    const model = b.build();
    for (const { name, dims } of model.graph!.initializer) {
      model.graph!.input.push(valueInfo(name, DataType.FLOAT, dims.map(Number)));
    }
    model.irVersion = 3n;
    const path = save(model);
    const { out } = await quantize(path, { data: synthetic(8), width: 4 });
    const written = await readModel(out);
    expect(written.irVersion).toBe(4n);
    expect(written.graph!.input.map(({ name }) => name)).toEqual(['x']);
    // Constant nodes of integers came with opset 9.
    expect(written.graph!.node.map(({ opType }) => opType)).not.toContain('Constant');
  });
});

describe('operator sets before 6', () => {
  /** A small AlexNet of 2016: attributes of that time, weights as inputs, a Dropout that says it is a test. */
  const old = (opset: number): ModelProto => {
    const b = new ModelBuilder({ seed: 10, opset, irVersion: 3 });
    const legacy: Record<string, number[]> = opset < 6 ? { consumed_inputs: [0, 0] } : {};
    b.input('x', [2, 3, 8, 8]);
    const conv = b.op(
      'Conv',
      ['x', b.weight('w', [8, 3, 3, 3], 0.3)],
      { kernel_shape: [3, 3] },
      { name: 'conv' },
    );
    const dropped = b.op('Dropout', [b.op('Relu', [conv], legacy)], { is_test: 1, ...legacy });
    const both = b.op('Concat', [dropped, dropped], opset < 4 ? {} : { axis: 1 });
    const shape = [2, 16 * 36];
    const flat =
      opset < 5
        ? b.op('Reshape', [both], { shape, ...legacy })
        : b.op('Reshape', [both, b.int64s('shape', shape)]);
    const y = b.op(
      'Gemm',
      [flat, b.weight('fc', [16 * 36, 5], 0.1), b.weight('c', [5], 0.1)],
      { broadcast: 1 },
      { name: 'gemm' },
    );
    return b.output(y).build();
  };

  it('are lifted to one that runs, and quantized', async () => {
    const expected = await outputs(canonicalModel(old(6)), [2, 3, 8, 8]);
    for (const opset of [1, 3, 4, 5]) {
      const flat = canonicalModel(old(opset));
      expect(Number(flat.opsetImport[0].version)).toBe(13);
      expect([opset, distance(expected, await outputs(flat, [2, 3, 8, 8]))]).toEqual([opset, 0]);
    }
    const { out } = await quantize(save(old(3)), { data: synthetic(4), width: 8 });
    const error = distance(expected, await outputs(out, [2, 3, 8, 8]));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.05);
  });

  it('whose operators have no counterpart are listed, and refused before work starts', async () => {
    const b = new ModelBuilder({ seed: 10, opset: 5, irVersion: 3 });
    const scaled = b.op('Scale', [b.input('x', [2, FEATURES])], { scale: float(2) });
    const path = save(
      b.output(b.matmul(b.setChannels(scaled, FEATURES), 4, { name: 'fc', bias: false })).build(),
    );
    expect((await inspected(path)).functions.map(({ name }) => name)).toEqual(['fc']);
    await expect(quantize(path, { data: synthetic(4), width: 8 })).rejects.toThrow(
      /uses operator set 5, which ONNX Runtime does not run, .* convert the model to operator set 13 or later/,
    );
  });
});

describe('operator sets after the released ones', () => {
  const network = (opset: number, op: string): string => {
    const b = new ModelBuilder({ opset });
    const x = b.matmul(b.input('x', ['batch', FEATURES]), 4, { name: 'fc' });
    const model = b.output(b.op(op, [x])).build();
    return save({ ...model, irVersion: opset > 27 ? 14n : model.irVersion });
  };

  it('are quantized as far as ONNX Runtime has them', async () => {
    const { bytes } = await quantize(network(27, 'Relu'), { data: synthetic(4), width: 8 });
    expect(bytes).toBeGreaterThan(0);
  });

  it('and one set further, where nothing of it is used', async () => {
    const { out } = await quantize(network(28, 'Relu'), { data: synthetic(4), width: 8 });
    expect(opsetOf(await readModel(out))).toBe(27);
  });

  it('are refused in one sentence beyond that, though their layers are listed', async () => {
    for (const [opset, op] of [
      [28, 'SwiGLU'],
      [29, 'Relu'],
    ] as const) {
      const path = network(opset, op);
      expect((await inspected(path)).functions.map(({ name }) => name)).toEqual(['fc']);
      await expect(quantize(path, { data: synthetic(4), width: 8 })).rejects.toThrow(
        new RegExp(
          `is of operator set ${opset}, and the ONNX Runtime that comes with OMPQ runs sets up to 27: convert the model`,
        ),
      );
    }
  });
});

describe('weights with other readers', () => {
  it('of the Loop around them are shared, not called float, and their noise counts', async () => {
    const b = new ModelBuilder({ seed: 11 });
    b.input('x', ['batch', FEATURES]);
    const w = b.weight('w', [FEATURES, FEATURES], 0.2);
    const body = graphBody(
      'body',
      [
        node('MatMul', ['v', w], ['product'], {}, { name: 'inner' }),
        node('Tanh', ['product'], ['next']),
        node('Identity', ['go'], ['on']),
      ],
      [
        valueInfo('i', DataType.INT64, []),
        valueInfo('go', DataType.BOOL, []),
        valueInfo('v', DataType.FLOAT, null),
      ],
      [valueInfo('on', DataType.BOOL, []), valueInfo('next', DataType.FLOAT, null)],
    );
    const rounds = b.initializer('rounds', [], BigInt64Array.of(3n));
    const go = b.initializer('go0', [], Uint8Array.of(1), DataType.BOOL);
    const first = b.relu(b.op('MatMul', ['x', w], {}, { name: 'outer' }));
    const model = b.output(b.op('Loop', [rounds, go, first], { body }, { name: 'loop' })).build();
    const network = await inspected(save(model));
    expect(network.skipped).toEqual([]);
    expect(network.shared).toEqual([{ weight: w, readers: ['"loop" (Loop)'] }]);
    expect(await chain(model, [4, FEATURES])).toEqual(['outer']);
  });
});
