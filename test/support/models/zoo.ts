/** Networks shaped like the known ones (torchvision's, exported), with random weights. */
import type { Dimension } from '../../../src/onnx/proto/dims';
import type { ModelProto } from '../../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from './builder';

export interface ZooOptions {
  opset?: number;
  seed?: number;
  /** First dimension of the input; a string is symbolic. Default 'batch'. */
  batch?: Dimension;
  /** Input height and width. Default 224. */
  size?: number;
  /** Channels are multiplied by this (and rounded to a multiple of 8). Default 1. */
  width?: number;
  classes?: number;
  /** Batch normalization as nodes instead of folded into the convolutions. Default false. */
  batchNorm?: boolean;
}

interface Start {
  b: ModelBuilder;
  x: string;
  batch: Dimension;
  classes: number;
  /** Convolution with its norm, by option. */
  conv: (x: string, channels: number, kernel: number, options?: Part) => string;
  scaled: (channels: number) => number;
}

interface Part {
  stride?: number;
  groups?: number;
  gain?: number;
  name?: string;
}

function start(options: ZooOptions): Start {
  const b = new ModelBuilder({ opset: options.opset, seed: options.seed });
  const batch = options.batch ?? 'batch';
  const size = options.size ?? 224;
  const width = options.width ?? 1;
  const x = b.input('input', [batch, 3, size, size]);
  return {
    b,
    x,
    batch,
    classes: options.classes ?? 1000,
    scaled: (channels) => (width === 1 ? channels : Math.max(8, Math.round((channels * width) / 8) * 8)),
    conv: (input, channels, kernel, part = {}) => {
      const y = b.conv(input, channels, { kernel, ...part, bias: !options.batchNorm });
      return options.batchNorm ? b.bn(y) : y;
    },
  };
}

function finish({ b, batch, classes }: Start, x: string): ModelProto {
  const pooled = b.flatten(b.globalAveragePool(x));
  const logits = b.gemm(pooled, classes, { name: 'fc' });
  return b.output(logits, [batch, classes]).build();
}

/** Gain of the last convolution of a residual branch: keeps the sum's variance from growing with depth. */
const branchGain = (blocks: number) => Math.SQRT2 / Math.sqrt(blocks);

function resnet(options: ZooOptions, blocks: readonly number[], bottleneck: boolean): ModelProto {
  const s = start(options);
  const total = blocks.reduce((a, n) => a + n, 0);
  const expansion = bottleneck ? 4 : 1;
  let x = s.b.relu(s.conv(s.x, s.scaled(64), 7, { stride: 2, name: 'conv1' }));
  x = s.b.maxPool(x);
  blocks.forEach((count, stage) => {
    const planes = s.scaled(64 << stage);
    for (let block = 0; block < count; block++) {
      const name = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const gain = branchGain(total);
      let y: string;
      if (bottleneck) {
        y = s.b.relu(s.conv(x, planes, 1, { name: `${name}.conv1` }));
        y = s.b.relu(s.conv(y, planes, 3, { stride, name: `${name}.conv2` }));
        y = s.conv(y, planes * expansion, 1, { gain, name: `${name}.conv3` });
      } else {
        y = s.b.relu(s.conv(x, planes, 3, { stride, name: `${name}.conv1` }));
        y = s.conv(y, planes, 3, { gain, name: `${name}.conv2` });
      }
      const same = stride === 1 && s.b.channelsOf(x) === planes * expansion;
      const shortcut = same
        ? x
        : s.conv(x, planes * expansion, 1, { stride, gain: 1, name: `${name}.downsample` });
      x = s.b.relu(s.b.add(y, shortcut));
    }
  });
  return finish(s, x);
}

export const resnet18 = (options: ZooOptions = {}) => resnet(options, [2, 2, 2, 2], false);

export const resnet50 = (options: ZooOptions = {}) => resnet(options, [3, 4, 6, 3], true);

/** About 2 functions per block: 149 blocks of two convolutions, one stem, one classifier = 300 functions. */
export const deepResnet = (options: ZooOptions = {}) =>
  resnet({ size: 32, width: 0.125, classes: 10, ...options }, [37, 38, 37, 37], false);

export function mobilenetV2(options: ZooOptions = {}): ModelProto {
  const s = start(options);
  const relu6 = (x: string) => s.b.clip(x, 0, 6);
  // Expansion, channels, blocks, stride (table 2 of the paper).
  const rows = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ];
  let x = relu6(s.conv(s.x, s.scaled(32), 3, { stride: 2, name: 'features.0' }));
  let index = 1;
  for (const [expansion, channels, count, firstStride] of rows) {
    const out = s.scaled(channels);
    for (let block = 0; block < count; block++, index++) {
      const name = `features.${index}`;
      const stride = block === 0 ? firstStride : 1;
      const inputs = s.b.channelsOf(x);
      const hidden = inputs * expansion;
      let y = x;
      if (expansion !== 1) y = relu6(s.conv(y, hidden, 1, { name: `${name}.expand` }));
      y = relu6(s.conv(y, hidden, 3, { stride, groups: hidden, name: `${name}.depthwise` }));
      const residual = stride === 1 && inputs === out;
      y = s.conv(y, out, 1, { gain: residual ? 0.5 : 1, name: `${name}.project` });
      x = residual ? s.b.add(x, y) : y;
    }
  }
  x = relu6(s.conv(x, s.scaled(1280), 1, { name: 'features.18' }));
  return finish(s, x);
}

/** Four layers, 8x8 inputs: for tests of everything that needs a model, quickly. */
export function tinyCnn(options: ZooOptions = {}): ModelProto {
  const s = start({ size: 8, classes: 5, ...options });
  let x = s.b.relu(s.conv(s.x, 8, 3, { name: 'stem' }));
  const y = s.b.relu(s.conv(x, 8, 3, { name: 'block.conv1' }));
  x = s.b.relu(s.b.add(s.conv(y, 8, 3, { name: 'block.conv2' }), x));
  return finish(s, x);
}

/** Pre-norm transformer blocks with MatMul weights: q, k, v, proj, fc1, fc2 in each, and a Gemm head. */
export function transformer(
  options: {
    opset?: number;
    seed?: number;
    batch?: Dimension;
    blocks?: number;
    width?: number;
    tokens?: number;
  } = {},
): ModelProto {
  const { blocks = 1, width = 16, tokens = 6, batch = 'batch' } = options;
  const heads = 2;
  const b = new ModelBuilder({ opset: options.opset ?? 17, seed: options.seed });
  let x = b.setChannels(b.input('tokens', [batch, tokens, width]), width);
  for (let i = 0; i < blocks; i++) {
    const normed = b.layerNorm(x);
    const head = (name: string, perm: number[]) =>
      b.transpose(
        b.reshape(b.matmul(normed, width, { name: `${i}.${name}` }), [0, 0, heads, width / heads]),
        perm,
      );
    const scores = b.op(
      'MatMul',
      [head('q', [0, 2, 1, 3]), head('k', [0, 2, 3, 1])],
      {},
      { name: `${i}.scores` },
    );
    const scaled = b.op('Div', [scores, b.scalar('scale', Math.sqrt(width / heads))]);
    const attention = b.op('Softmax', [scaled], { axis: -1 });
    const mixed = b.op('MatMul', [attention, head('v', [0, 2, 1, 3])], {}, { name: `${i}.mix` });
    const joined = b.reshape(b.transpose(mixed, [0, 2, 1, 3]), [0, 0, width], width);
    x = b.add(x, b.matmul(joined, width, { name: `${i}.proj` }));
    const hidden = b.gelu(b.matmul(b.layerNorm(x), 4 * width, { name: `${i}.fc1` }));
    x = b.add(x, b.matmul(hidden, width, { name: `${i}.fc2` }));
  }
  const pooled = b.op('ReduceMean', [b.layerNorm(x)], { axes: [1], keepdims: 0 });
  return b.output(b.gemm(pooled, 7, { name: 'head' }), [batch, 7]).build();
}
