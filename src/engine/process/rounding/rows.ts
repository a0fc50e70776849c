/** A layer's stored weights as the rows that rounding works on. */
import { product } from '../../../onnx/proto/dims';
import type { Graph } from '../../../onnx/graph/graph';
import { serialize, withGraph } from '../../../onnx/graph/subgraph';
import { type Layer, scaleAxes } from '../../../onnx/network/network';
import { INPUT } from '../../../onnx/network/recurrent';
import { scaleCount, type ScaleGroup, scaleIndex } from '../../../onnx/network/scaleAxes';

import { intAttribute, standardOp } from '../../../onnx/proto/attributes';
import { node as makeNode, valueInfo } from '../../../onnx/proto/build';
import {
  type ModelProto,
  type NodeProto,
  TensorProto_DataType as DataType,
} from '../../../onnx/proto/onnx_pb';
import { Session, type SessionOptions } from '../ort/session';

/** groups x rows x columns: the rows of a group see the same inputs. */
export interface LayerRows {
  groups: number;
  rows: number;
  columns: number;
  /** Per element [group, row, column], its index in the stored tensor. */
  stored: Int32Array;
  /** Per row [group, row], the index of its scale. */
  scale: Int32Array;
}

/** The layer's weights as its node sees them. */
export interface WeightView {
  shape: number[];
  /** Per element, its index in the stored tensor; null: the same. */
  stored: Int32Array | null;
  /** A matrix product with the weights on the left. */
  left: boolean;
}

/** Rows along the stored tensor's scale axis (and each group of them apart), whatever the layer does with them: enough to round to nearest. */
export function storedRows(layer: Layer, group?: ScaleGroup): LayerRows {
  const axes = { ...scaleAxes(layer), group };
  const count = product(layer.weightShape);
  const rows = scaleCount(axes);
  const scaleOf = scaleIndex(axes);
  const stored = new Int32Array(count);
  const filled = new Int32Array(rows);
  const columns = count / rows;
  for (let i = 0; i < count; i++) {
    const row = scaleOf(i);
    stored[row * columns + filled[row]++] = i;
  }
  return { groups: 1, rows, columns, stored, scale: Int32Array.from({ length: rows }, (_, r) => r) };
}

/** Rows as the layer's node multiplies them; null where several of its rows share one scale. */
export function layerRows(layer: Layer, node: NodeProto, view: WeightView): LayerRows | null {
  const shape = view.shape;
  const found = rowsInView(layer, node, view);
  if (!found) return null;
  const { groups, rows, columns, at } = found;
  const stored = new Int32Array(groups * rows * columns);
  const scale = new Int32Array(groups * rows);
  const scaleOf = scaleIndex(scaleAxes(layer));
  if (product(shape) !== stored.length) return null;
  for (let g = 0, i = 0; g < groups; g++) {
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < columns; k++, i++) {
        const seen = at(g, r, k);
        stored[i] = view.stored ? view.stored[seen] : seen;
        const channel = scaleOf(stored[i]);
        if (k === 0) scale[g * rows + r] = channel;
        else if (scale[g * rows + r] !== channel) return null;
      }
    }
  }
  return new Set(scale).size === scale.length ? { groups, rows, columns, stored, scale } : null;
}

/** Sizes, and the index of [group, row, column] in the weights as the node sees them. */
function rowsInView({ op, groups }: Layer, node: NodeProto, { shape, left }: WeightView) {
  const last = shape.length - 1;
  switch (op) {
    case 'Conv': {
      const [rows, columns] = [shape[0] / groups, product(shape.slice(1))];
      return { groups, rows, columns, at: (g: number, r: number, k: number) => (g * rows + r) * columns + k };
    }
    case 'ConvTranspose': {
      // [in, out / groups, taps]: a row's columns are the group's input channels times the taps.
      const [rows, taps] = [shape[1], product(shape.slice(2))];
      const inputs = shape[0] / groups;
      const at = (g: number, r: number, k: number) =>
        ((g * inputs + Math.floor(k / taps)) * rows + r) * taps + (k % taps);
      return { groups, rows, columns: inputs * taps, at };
    }
    case 'Gemm': {
      const byRow = left ? intAttribute(node, 'transA', 0) === 0 : intAttribute(node, 'transB', 0) === 1;
      const [rows, columns] = byRow ? [shape[0], shape[1]] : [shape[1], shape[0]];
      const at = (_: number, r: number, k: number) => (byRow ? r * columns + k : k * rows + r);
      return { groups: 1, rows, columns, at };
    }
    case 'Gather':
    case 'GatherElements':
      return null;
    case 'LSTM':
    case 'GRU':
    case 'RNN': {
      const [rows, columns] = [product(shape.slice(0, 2)) / groups, shape[2]];
      return { groups, rows, columns, at: (g: number, r: number, k: number) => (g * rows + r) * columns + k };
    }
    case 'MatMul': {
      if (product(shape.slice(0, last - 1)) !== 1) return null;
      const [rows, columns] = left ? [shape[last - 1], shape[last]] : [shape[last], shape[last - 1]];
      const at = (_: number, r: number, k: number) => (left ? r * columns + k : k * rows + r);
      return { groups: 1, rows, columns, at };
    }
  }
}

/** Follows the weights from the stored tensor to the layer's node, through Transpose, Reshape and the like. */
export async function viewWeights(
  model: ModelProto,
  graph: Graph,
  layer: Layer,
  node: NodeProto,
  options: SessionOptions,
): Promise<WeightView> {
  const matrix = layer.op === 'MatMul' || layer.op === 'Gemm';
  const left = matrix && graph.isConstant(node.input[0]);
  const seen = node.input[layer.readsHidden ? INPUT.r : left ? 0 : 1];
  const chain: NodeProto[] = [];
  for (let name = seen; name !== layer.weight;) {
    const producer = graph.producer(name)!;
    chain.unshift(producer);
    name = producer.input[0];
  }
  if (chain.every((step) => standardOp(step) === 'Cast' || standardOp(step) === 'Identity')) {
    return { shape: layer.weightShape, stored: null, left };
  }
  // The file's own nodes say where each element goes: they are run on the elements' indices.
  const session = await Session.open(serialize(indexModel(model, graph, chain, layer.weight, seen)), options);
  try {
    const count = product(layer.weightShape);
    const data = Int32Array.from({ length: count }, (_, i) => i);
    const outputs = await session.runTensors({
      [layer.weight]: { type: 'int32', data, dims: layer.weightShape },
    });
    return { shape: outputs[seen].dims, stored: outputs[seen].data as Int32Array, left };
  } finally {
    await session.close();
  }
}

function indexModel(
  model: ModelProto,
  graph: Graph,
  chain: NodeProto[],
  from: string,
  to: string,
): ModelProto {
  const nodes = chain.map((step) =>
    standardOp(step) === 'Cast' ? makeNode('Identity', step.input, step.output) : step,
  );
  const others = new Set(chain.flatMap((step) => step.input.slice(1)));
  return withGraph(model, {
    node: [
      ...[...others].flatMap((name) => {
        const producer = graph.producer(name);
        return producer ? [producer] : [];
      }),
      ...nodes,
    ],
    initializer: graph.proto.initializer.filter(({ name }) => others.has(name)),
    input: [valueInfo(from, DataType.INT32, null)],
    output: [valueInfo(to, DataType.INT32, null)],
    valueInfo: [],
  });
}

/** Values of the rows, in float64. */
export function gatherRows(values: Float32Array, { stored }: Pick<LayerRows, 'stored'>): Float64Array {
  // Not Float64Array.from(stored, ...): that is ten times slower.
  const rows = new Float64Array(stored.length);
  for (let i = 0; i < rows.length; i++) rows[i] = values[stored[i]];
  return rows;
}
