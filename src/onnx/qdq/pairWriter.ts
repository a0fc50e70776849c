/** Quantizers and integer layers as nodes and constants: a pair of QuantizeLinear and DequantizeLinear for each tensor. */
import type { AddedNames } from '../graph/addedNames';
import { type GraphPart, intConstant, rawConstant } from '../graph/graphPart';
import type { Layer } from '../network/network';
import { node as makeNode, tensor as makeTensor } from '../proto/build';
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from '../proto/onnx_pb';
import type { ActivationPlan } from './activationPlan';
import type { Grid } from './grid';
import type { ActivationTensor } from './placement';

/** Where the integer codes of a weight are, or its float values as a layer reads them. */
export type WeightSource =
  | { kind: 'codes'; name: (tensor: string) => string }
  | { kind: 'values'; values: (layer: Layer, scales: Float32Array) => Float32Array };

/** The parts of a tensor's pair that need names. */
const PARTS = ['in', 'quantized', 'clipped', 'out', 'scale'] as const;
/** Above this, computing zeros takes fewer bytes than storing them. */
const WORTH_COMPUTING = 96;

/** Writes pairs and layers into one part, what they share once. */
export class PairWriter {
  readonly part: GraphPart = { constants: [], nodes: [] };
  private readonly tensors: Map<string, { index: number; each: ActivationTensor }>;
  private readonly shared = new Map<string, string>();

  constructor(
    private readonly plan: ActivationPlan,
    private readonly names: AddedNames,
  ) {
    this.tensors = new Map(plan.tensors.map((each, index) => [each.tensor, { index, each }]));
    for (const [tensor, { scale }] of plan.grids) this.store(float32(this.scaleOf(tensor), [], [scale]));
  }

  name(index: number, part: (typeof PARTS)[number]): string {
    return this.names.forTensor(index, PARTS.indexOf(part));
  }

  /** QuantizeLinear and DequantizeLinear; between them a Clip where the grid has fewer than 256 steps. */
  pair(each: ActivationTensor, index: number, from: string, to: string): NodeProto[] {
    const grid = [this.scaleOf(each.tensor), this.uint8(this.gridOf(each.tensor).zeroPoint)];
    const quantized = this.name(index, 'quantized');
    const clipped = this.name(index, 'clipped');
    const narrow = each.bits < 8;
    return [
      makeNode('QuantizeLinear', [from, ...grid], [quantized]),
      ...(narrow ? [makeNode('Clip', [quantized, '', this.uint8(2 ** each.bits - 1)], [clipped])] : []),
      makeNode('DequantizeLinear', [narrow ? clipped : quantized, ...grid], [to]),
    ];
  }

  /**
   * Stores what a layer computes with; returns the names under which it reads its weights and its bias.
   * @param first of the layers with these weights
   */
  layer(index: number, weights: WeightSource, first: boolean): { weight: string; bias: string | null } {
    const { layer } = this.plan.layers[index];
    const { scales, bias, codeBits } = this.plan.numbers[index];
    const name = (n: number) => this.names.forLayer(index, n);
    const weight = first ? layer.weight : name(0);
    const biasName = bias && name(1);
    if (weights.kind === 'values') {
      this.store(makeTensor(weight, layer.weightShape, weights.values(layer, scales)));
      if (bias)
        this.store(float32(name(1), [bias.length], biasValues(bias, this.gridOf(layer.input), scales)));
      return { weight, bias: biasName };
    }
    this.store(float32(name(2), [scales.length], scales));
    const codes = [
      weights.name(layer.weight),
      name(2),
      this.zeros(scales.length, codeBits === 8 ? index : null),
    ];
    this.part.nodes.push(makeNode('DequantizeLinear', codes, [weight], { axis: layer.channelAxis }));
    if (bias) {
      const bytes = rawConstant(name(3), DataType.INT32, [bias.length], 4 * bias.length, () =>
        littleEndian(bias),
      );
      this.part.constants.push(bytes);
      // Its scales are computed when the model is loaded: four bytes a channel less.
      this.part.nodes.push(
        makeNode('Mul', [this.scaleOf(layer.input), name(2)], [name(4)]),
        makeNode('DequantizeLinear', [name(3), name(4)], [name(1)], { axis: 0 }),
      );
    }
    return { weight, bias: biasName };
  }

  private root(tensor: string): string {
    return this.tensors.get(tensor)!.each.like ?? tensor;
  }

  private gridOf(tensor: string): Grid {
    return this.plan.grids.get(this.root(tensor))!;
  }

  private scaleOf(tensor: string): string {
    return this.name(this.tensors.get(this.root(tensor))!.index, 'scale');
  }

  /** A stored uint8 scalar. */
  private uint8(value: number): string {
    return this.once(`uint8 ${value}`, (name) =>
      this.part.constants.push(intConstant(name, DataType.UINT8, [], [value])),
    );
  }

  /**
   * int8 [count] of zeros: the zero point of weights, without which matrix products find no integer kernel.
   * @param owner layer that shares it with no other, since ONNX Runtime may rewrite its weights to uint8, and the zero
   * point with them, under a name made of the zero point's; null: any layer may read it
   */
  private zeros(count: number, owner: number | null): string {
    return this.once(owner === null ? `zeros ${count}` : `zeros of ${owner}`, (name) => {
      if (owner !== null || count < WORTH_COMPUTING) {
        const bytes = new Uint8Array(count);
        this.part.constants.push(rawConstant(name, DataType.INT8, [count], count, () => bytes));
        return;
      }
      const shape = this.once(`shape ${count}`, (shapeName) =>
        this.part.constants.push(intConstant(shapeName, DataType.INT64, [1], [count])),
      );
      const value = intConstant('', DataType.INT8, [1], [0]).tensor;
      this.part.nodes.push(makeNode('ConstantOfShape', [shape], [name], { value }));
    });
  }

  private once(key: string, make: (name: string) => void): string {
    const found = this.shared.get(key);
    if (found !== undefined) return found;
    const name = this.names.forActivations(this.shared.size);
    this.shared.set(key, name);
    make(name);
    return name;
  }

  private store(tensor: TensorProto): void {
    this.part.constants.push({ tensor, bytes: 0, fill: null });
  }
}

/** What DequantizeLinear makes of an int32 bias. */
function biasValues(bias: Int32Array, { scale }: Grid, scales: Float32Array): Float32Array {
  return Float32Array.from(scales, (own, c) => Math.fround(bias[c]) * Math.fround(scale * own));
}

function float32(name: string, dims: number[], values: ArrayLike<number>): TensorProto {
  return makeTensor(name, dims, Float32Array.from(values));
}

function littleEndian(values: Int32Array): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setInt32(4 * i, value, true));
  return bytes;
}
