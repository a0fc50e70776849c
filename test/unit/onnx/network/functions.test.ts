import { describe, expect, it } from 'vitest';
import { float, node, tensor, valueInfo } from '../../../../src/onnx/proto/build';
import { graphBody } from '../../../support/models/graphBody';
import { findNetwork } from '../../../../src/onnx/network/functions';
import { TensorProto_DataType as DataType } from '../../../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../../../support/models/builder';
import { longChain } from '../../../support/models/large';
import {
  deepResnet,
  mobilenetV2,
  resnet18,
  resnet50,
  tinyCnn,
  transformer,
} from '../../../support/models/zoo';

/** Channels cut to an eighth: function counts do not depend on them. */
const small = { width: 0.125 };

describe('known networks', () => {
  it.each([
    ['ResNet-18', resnet18, 18],
    ['ResNet-50', resnet50, 50],
    ['MobileNetV2', mobilenetV2, 53],
  ])('%s has the functions of the released code', (_name, make, count) => {
    for (const options of [
      { ...small },
      { ...small, batchNorm: true },
      { ...small, opset: 9, batchNorm: true },
      { ...small, batch: 4 },
    ]) {
      const network = findNetwork(make(options));
      expect(network.functions).toHaveLength(count);
      expect(network.skipped).toEqual([]);
      expect(network.ties).toEqual([]);
      expect(new Set(network.functions.map(({ name }) => name)).size).toBe(count);
    }
  });

  it('counts parameters and multiply-accumulates of ResNet-18 as published', () => {
    const network = findNetwork(resnet18());
    const sum = (pick: 'params' | 'macs') =>
      network.functions.reduce((total, each) => total + (each[pick] ?? NaN), 0);
    // torchvision: 11,689,512 parameters, of which 4,800 in the norms' scales, 4,800 in their shifts, 1,000 biases.
    expect(sum('params')).toBe(11_689_512 - 9_600 - 1_000);
    // torchvision's documentation: 1.814 GFLOPS (counted as multiply-accumulates).
    expect(sum('macs')).toBe(1_814_073_344);
    expect(network.functions[0]).toMatchObject({
      name: 'conv1',
      op: 'Conv',
      shape: ['batch', 64, 112, 112],
      stage: 0,
    });
    expect(network.functions[17]).toMatchObject({ name: 'fc', op: 'Gemm', shape: ['batch', 1000] });
  });

  it('counts MobileNetV2 as published', () => {
    const network = findNetwork(mobilenetV2({ batch: 4 }));
    const macs = network.functions.reduce((total, each) => total + (each.macs ?? NaN), 0);
    // torchvision's documentation: 0.301 GFLOPS. Per sample, though the file fixes a batch of 4.
    expect(macs).toBe(300_774_272);
  });

  it("puts a residual block's last convolution and its downsample convolution together", () => {
    const network = findNetwork(resnet18(small));
    const pairs = network.functions.filter(({ layers }) => layers.length === 2);
    expect(pairs.map(({ name }) => name)).toEqual(['layer2.0.conv2', 'layer3.0.conv2', 'layer4.0.conv2']);
    expect(pairs[0].params).toBe(pairs[0].layers[0].params + pairs[0].layers[1].params);
    expect(pairs[0].macs).toBe((pairs[0].layers[0].macs ?? NaN) + (pairs[0].layers[1].macs ?? NaN));
  });

  it('finds the layers of a transformer block', () => {
    const network = findNetwork(transformer({ blocks: 2 }));
    expect(network.functions.map(({ name }) => name)).toEqual([
      ...['0.q', '0.k', '0.v', '0.proj', '0.fc1', '0.fc2'],
      ...['1.q', '1.k', '1.v', '1.proj', '1.fc1', '1.fc2'],
      'head',
    ]);
    expect(network.skipped.map(({ name }) => name)).toEqual(['0.scores', '0.mix', '1.scores', '1.mix']);
    expect(network.functions[0].layers[0]).toMatchObject({ channelAxis: 1, params: 256, macs: 6 * 256 });
  });

  it('merges by block, stage and net', () => {
    const model = resnet18(small);
    const count = (granularity: 'block' | 'stage' | 'net') => findNetwork(model, { granularity }).functions;
    // Stem, eight blocks, classifier.
    expect(count('block').map(({ layers }) => layers.length)).toEqual([1, 2, 2, 3, 2, 3, 2, 3, 2, 1]);
    // 112, 56, 28, 14, 7, classifier.
    expect(count('stage').map(({ layers }) => layers.length)).toEqual([1, 4, 5, 5, 5, 1]);
    const [net, ...rest] = count('net');
    expect(rest).toEqual([]);
    const layers = findNetwork(model).functions;
    expect(net.params).toBe(layers.reduce((sum, { params }) => sum + params, 0));
    expect(net.macs).toBe(layers.reduce((sum, { macs }) => sum + (macs ?? NaN), 0));
    expect(net.output).toBe(layers[17].output);
    expect(count('block')[1].output).toBe(layers[2].output);
  });

  it('finds 300 functions in a deep network', () => {
    expect(findNetwork(deepResnet()).functions).toHaveLength(300);
  });
});

describe('epilogues', () => {
  /** conv -> epilogue -> conv; returns whether the first function ends where the epilogue does. */
  function endsWell(epilogue: (b: ModelBuilder, x: string) => string, opset = 18): boolean {
    const b = new ModelBuilder({ opset });
    const end = epilogue(b, b.conv(b.input('x', [1, 4, 5, 5]), 4, { kernel: 3 }));
    b.setChannels(end, 4);
    b.output(b.conv(end, 4));
    const { functions } = findNetwork(b.build());
    expect(functions).toHaveLength(2);
    return functions[0].output === end;
  }

  const unary =
    'Relu LeakyRelu Sigmoid Tanh HardSigmoid HardSwish Elu Selu Softplus Softsign Gelu Mish Celu'.split(' ');
  it.each(unary)('takes %s', (op) => {
    expect(endsWell((b, x) => b.op(op, [x]))).toBe(true);
  });

  it('takes activations that are written out', () => {
    expect(endsWell((b, x) => b.silu(x))).toBe(true);
    expect(endsWell((b, x) => b.gelu(b.bn(x)))).toBe(true);
    expect(endsWell((b, x) => b.op('Mul', [x, b.op('HardSigmoid', [x], { alpha: float(1 / 6) })]))).toBe(
      true,
    );
    // HardSwish by Clip, Mish, GELU by Tanh, quick GELU.
    expect(
      endsWell((b, x) => {
        const clipped = b.clip(b.op('Add', [x, b.scalar('three', 3)]), 0, 6);
        return b.op('Div', [b.op('Mul', [x, clipped]), b.scalar('six', 6)]);
      }),
    ).toBe(true);
    expect(endsWell((b, x) => b.op('Mul', [x, b.op('Tanh', [b.op('Softplus', [x])])]))).toBe(true);
    expect(
      endsWell((b, x) => {
        const cubed = b.op('Mul', [b.scalar('a', 0.044715), b.op('Pow', [x, b.scalar('p', 3)])]);
        const inner = b.op('Mul', [b.scalar('c', 0.797), b.op('Add', [x, cubed])]);
        const outer = b.op('Add', [b.op('Tanh', [inner]), b.scalar('one', 1)]);
        return b.op('Mul', [b.op('Mul', [x, outer]), b.scalar('half', 0.5)]);
      }),
    ).toBe(true);
    expect(
      endsWell((b, x) => b.op('Mul', [x, b.op('Sigmoid', [b.op('Mul', [x, b.scalar('k', 1.702)])])])),
    ).toBe(true);
  });

  it('takes PRelu, Clip by attribute, biases behind a Reshape, casts, and ignores readers of the shape', () => {
    expect(endsWell((b, x) => b.op('PRelu', [x, b.weight('slope', [4, 1, 1], 1)]))).toBe(true);
    expect(endsWell((b, x) => b.clip(x), 10)).toBe(true);
    expect(endsWell((b, x) => b.add(x, b.reshape(b.bias('late', 4), [1, 4, 1, 1])))).toBe(true);
    expect(
      endsWell((b, x) => {
        b.output(b.op('Shape', [x]), null, DataType.INT64);
        return b.relu(x);
      }),
    ).toBe(true);
  });

  it('stops at a gate by another layer, at softmax, at pools, and where the tensor is also used elsewhere', () => {
    const b = new ModelBuilder();
    const main = b.conv(b.input('x', [1, 8, 6, 6]), 8, { name: 'main' });
    const squeezed = b.relu(b.conv(b.globalAveragePool(main), 2, { name: 'squeeze' }));
    const gate = b.op('Sigmoid', [b.conv(squeezed, 8, { name: 'excite' })]);
    const gated = b.op('Mul', [main, gate]);
    b.output(b.op('Softmax', [b.conv(gated, 3, { name: 'last' })]));
    const { functions } = findNetwork(b.build());
    expect(functions.map(({ name, output }) => [name, output])).toEqual([
      ['main', main],
      ['squeeze', squeezed],
      ['excite', gate],
      ['last', 'last_out'],
    ]);
  });

  it('stops at a tensor that is an output of the model', () => {
    const b = new ModelBuilder();
    const x = b.conv(b.input('x', [1, 4, 5, 5]), 4);
    b.output(x).output(b.relu(x));
    expect(findNetwork(b.build()).functions[0].output).toBe(x);
  });

  it('does not follow an Add that broadcasts the layer', () => {
    const b = new ModelBuilder();
    const image = b.conv(b.input('x', [1, 4, 5, 5]), 4, { name: 'image' });
    const time = b.conv(b.input('t', [1, 4, 1, 1]), 4, { name: 'time' });
    const sum = b.add(image, time);
    b.output(b.relu(sum));
    const { functions } = findNetwork(b.build());
    expect(functions.map(({ name, layers }) => [name, layers.length])).toEqual([
      ['time', 1],
      ['image', 1],
    ]);
    expect(functions[0].output).toBe('time_out');
  });
});

describe('weights', () => {
  it('are followed through Identity, Cast, Transpose and Reshape, with the channel axis', () => {
    const b = new ModelBuilder();
    const x = b.setChannels(b.input('x', [2, 6]), 6);
    const stored = b.weight('w', [4, 6], 1);
    const product = b.op('MatMul', [x, b.transpose(b.op('Identity', [stored]), [1, 0])], {}, { name: 'tr' });
    const second = b.weight('w2', [2, 2, 3], 1);
    b.output(b.op('MatMul', [product, b.reshape(second, [4, 3])], {}, { name: 'rs' }));
    const third = b.weight('w3', [6, 2, 2], 1);
    b.output(b.op('MatMul', [x, b.reshape(third, [6, 4])], {}, { name: 'mixed' }));
    const half = b.initializer('w4', [6, 5], new Uint16Array(30), DataType.FLOAT16);
    b.output(b.op('MatMul', [x, b.op('Cast', [half], { to: DataType.FLOAT })], {}, { name: 'cast' }));
    const network = findNetwork(b.build());
    expect(
      network.functions.map(({ layers: [l] }) => [
        l.node,
        l.weight,
        l.weightShape,
        l.channelAxis,
        l.weightType,
      ]),
    ).toEqual([
      ['tr', 'w', [4, 6], 0, DataType.FLOAT],
      ['rs', 'w2', [2, 2, 3], 2, DataType.FLOAT],
      ['cast', 'w4', [6, 5], 1, DataType.FLOAT16],
    ]);
    expect(network.functions.map(({ macs }) => macs)).toEqual([24, 12, 30]);
    expect(network.skipped).toEqual([
      { name: 'mixed', op: 'MatMul', reason: 'its weights are reshaped across output channels' },
    ]);
  });

  it('may be Constant nodes, on the left of a product, and either way round in a Gemm', () => {
    const b = new ModelBuilder();
    const x = b.setChannels(b.input('x', [3, 4]), 4);
    b.graph.node.push(node('Constant', [], ['k'], { value: tensor('', [4, 5], new Float32Array(20)) }));
    b.output(b.op('MatMul', [x, 'k'], {}, { name: 'constant' }));
    b.output(b.op('MatMul', [b.weight('left', [7, 3], 1), x], {}, { name: 'onLeft' }));
    b.output(b.gemm(x, 2, { name: 'g0', transB: false }));
    b.output(b.gemm(x, 2, { name: 'g1', transB: true }));
    const { functions } = findNetwork(b.build());
    expect(functions.map(({ name, layers: [l] }) => [name, l.weight, l.channelAxis, l.input])).toEqual([
      ['constant', 'k', 1, 'x'],
      ['onLeft', 'left', 0, 'x'],
      ['g0', 'g0.weight', 1, 'x'],
      ['g1', 'g1.weight', 0, 'x'],
    ]);
    // The batch of 3 is counted out where it divides.
    expect(functions.map(({ macs }) => macs)).toEqual([20, 28, 8, 8]);
  });

  it('of a ConvTranspose have their channels on axis 1, or 0 where it is depthwise', () => {
    const b = new ModelBuilder();
    const x = b.input('x', [1, 8, 4, 4]);
    b.output(b.convTranspose(x, 6, { name: 'plain' }));
    b.output(b.convTranspose(x, 8, { name: 'depthwise', groups: 8 }));
    b.output(b.convTranspose(x, 8, { name: 'grouped', groups: 2 }));
    const { functions } = findNetwork(b.build());
    expect(functions.map(({ layers: [l] }) => [l.weightShape, l.groups, l.channelAxis, l.macs])).toEqual([
      [[8, 6, 2, 2], 1, 1, 8 * 6 * 4 * 16],
      [[8, 1, 2, 2], 8, 0, 8 * 4 * 16],
      [[8, 4, 2, 2], 2, 1, 8 * 4 * 4 * 16],
    ]);
    expect(functions[0].shape).toEqual([1, 6, 8, 8]);
  });

  it('that are shared make ties', () => {
    const b = new ModelBuilder();
    const x = b.setChannels(b.input('x', [1, 4]), 4);
    const w = b.weight('w', [4, 4], 1);
    const first = b.relu(b.op('MatMul', [x, w], {}, { name: 'first' }));
    const middle = b.relu(b.matmul(first, 4, { name: 'middle' }));
    b.output(b.op('MatMul', [middle, b.transpose(w, [1, 0])], {}, { name: 'second' }));
    const model = b.build();
    expect(findNetwork(model).ties).toEqual([[0, 2]]);
    const [net] = findNetwork(model, { granularity: 'net' }).functions;
    expect(net.params).toBe(32);
    expect(findNetwork(model, { granularity: 'net' }).ties).toEqual([]);
  });

  it('that also are inputs of the model count as constant, and are no inputs', () => {
    const b = new ModelBuilder({ opset: 7, irVersion: 3 });
    b.output(b.conv(b.input('x', [1, 3, 4, 4]), 2, { name: 'c' }));
    b.graph.input.push(valueInfo('c.weight', DataType.FLOAT, [2, 3, 1, 1]));
    const network = findNetwork(b.build());
    expect(network.functions).toHaveLength(1);
    expect(network.inputs.map(({ name }) => name)).toEqual(['x']);
  });
});

describe('what is skipped', () => {
  it('has a reason', () => {
    const b = new ModelBuilder();
    const x = b.input('x', [1, 4, 8, 8]);
    const float = b.input('w', [2, 4, 1, 1]);
    b.output(b.op('Conv', [x, float], {}, { name: 'variable' }));
    const codes = b.initializer('codes', [2, 4, 1, 1], new Int8Array(8));
    const dequantized = b.op('DequantizeLinear', [codes, b.scalar('s', 0.1)]);
    b.output(b.op('Conv', [x, dequantized], {}, { name: 'qdq' }));
    const double = b.initializer('doubles', [2, 4, 1, 1], new Float64Array(8));
    b.output(b.op('Conv', [x, double], {}, { name: 'double' }));
    b.output(b.op('Conv', [x, b.op('Exp', [b.weight('log', [2, 4, 1, 1], 1)])], {}, { name: 'computed' }));
    b.output(b.op('ConvInteger', [x, codes], {}, { name: 'int' }));
    b.output(b.op('MatMulNBits', [x, codes], {}, { name: 'nbits', domain: 'com.microsoft' }));
    b.output(
      b.op(
        'FusedConv',
        [x, b.weight('fusedWeight', [64, 4, 3, 3], 1)],
        {},
        { name: 'fused', domain: 'com.microsoft' },
      ),
    );
    const network = findNetwork(b.build());
    expect(network.functions).toEqual([]);
    expect(Object.fromEntries(network.skipped.map(({ name, reason }) => [name, reason]))).toEqual({
      variable: 'its weights are computed from the input',
      qdq: 'its weights are quantized already',
      double: 'its weights are of type double',
      computed: 'its weights are computed by the operator Exp',
      int: 'it is quantized already',
      nbits: 'it is quantized already',
      fused: 'the operator FusedConv is not supported',
    });
  });

  it('includes layers in bodies, however deep', () => {
    const out = (name: string) => [valueInfo(name, DataType.FLOAT, null)];
    const inner = graphBody(
      'inner',
      [node('MatMul', ['x', 'w'], ['deep'], {}, { name: 'deep' })],
      [],
      out('deep'),
    );
    const other = graphBody('other', [node('Identity', ['x'], ['same'])], [], out('same'));
    const outer = graphBody(
      'outer',
      [node('If', ['c'], ['o'], { then_branch: inner, else_branch: other }, { name: 'innerIf' })],
      [],
      out('o'),
    );
    const b = new ModelBuilder();
    b.input('c', [], DataType.BOOL);
    const x = b.setChannels(b.input('x', [1, 4]), 4);
    b.weight('w', [4, 4], 1);
    const first = b.matmul(x, 4, { name: 'first', bias: false });
    b.output(
      b.op(
        'If',
        ['c'],
        { then_branch: outer, else_branch: graphBody('e', [node('Neg', [first], ['n'])], [], out('n')) },
        { name: 'outerIf' },
      ),
    );
    b.output(b.relu(first));
    const network = findNetwork(b.build());
    expect(network.skipped).toEqual([
      { name: 'deep', op: 'MatMul', reason: 'it lies inside the body of the If node "innerIf"' },
    ]);
    // The body of outerIf reads `first` before its activation: that is a second reader.
    expect(network.functions[0].output).toBe('first_out');
  });
});

describe('sizes', () => {
  it('that the model leaves open leave the count of multiply-accumulates open, until they are given', () => {
    const b = new ModelBuilder();
    const x = b.input('x', ['n', 3, 'h', 'w']);
    b.output(b.relu(b.conv(x, 4, { kernel: 3, stride: 2 })));
    const model = b.build();
    expect(findNetwork(model).functions[0]).toMatchObject({ macs: null, shape: ['n', 4, '', ''] });
    const given = findNetwork(model, { shapes: { x: [2, 3, 8, 8] } }).functions[0];
    expect(given).toMatchObject({ macs: 4 * 27 * 16, shape: [2, 4, 4, 4] });
  });

  it('that do not fit are refused in one sentence', () => {
    const model = tinyCnn();
    expect(() => findNetwork(model, { shapes: { nope: [1] } })).toThrow(/no input "nope".*"input"/);
    expect(() => findNetwork(model, { shapes: { input: [1, 3, 9, 9] } })).toThrow(/batchx3x8x8.*1x3x9x9/);
    expect(() => findNetwork(model, { shapes: { input: [1, 3, 8] } })).toThrow(/does not fit/);
  });
});

it('finds the functions among ten thousand nodes', () => {
  const model = longChain();
  expect(model.graph?.node).toHaveLength(10_200);
  expect(findNetwork(model, { granularity: 'block' }).functions).toHaveLength(3400);
});

it('puts functions in network order whatever the order in the file', () => {
  const model = tinyCnn();
  const names = findNetwork(model).functions.map(({ name }) => name);
  model.graph?.node.reverse();
  expect(findNetwork(model).functions.map(({ name }) => name)).toEqual(names);
});
