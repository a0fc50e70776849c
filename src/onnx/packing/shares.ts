/** What part of a file's bytes can be quantized, and what stays as it is. */
import { Graph } from '../graph/graph';
import type { Branches, Network } from '../network/network';
import { isFloatType } from '../network/stored';
import { allBodies } from '../proto/attributes';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from '../proto/onnx_pb';
import { elementBytes, elementCount } from '../proto/tensors';
import { heldTensors, tensorFinder, wholeTensorBytes } from './weights';

export interface Shares {
  /** Bytes of the stored weights that functions hold. */
  quantizable: number;
  /** All other stored tensors, by the operator that reads them and by falling size. */
  staying: { op: string; bytes: number; largest: { name: string; bytes: number }[] }[];
  /** Of the float tensors among those: elements, and the bits that these take. */
  floats: { elements: number; bits: number };
}

/** Tensors that are named for each operator. */
const NAMED = 3;

/** Bytes of tensors as if all data were inside the file. Nothing large is read. */
export function sharesOf(model: ModelProto, network: Network, branches?: Branches): Shares {
  const find = tensorFinder(model, branches);
  const quantizable = new Set<TensorProto>();
  for (const { layers } of network.functions) {
    for (const { weight } of layers) {
      const held = find(weight);
      if (held) quantizable.add(held.tensor);
    }
  }
  const shares: Shares = { quantizable: 0, staying: [], floats: { elements: 0, bits: 0 } };
  const byOp = new Map<string, Shares['staying'][number]>();
  for (const body of [model.graph!, ...allBodies(model.graph!)]) {
    const readerOf = firstReaders(body);
    for (const [name, { tensor }] of heldTensors(body)) {
      const bytes = wholeTensorBytes(tensor);
      if (quantizable.has(tensor)) {
        shares.quantizable += bytes;
        continue;
      }
      if (isFloatType(tensor.dataType) || tensor.dataType === (DataType.DOUBLE as number)) {
        const elements = elementCount(tensor);
        shares.floats.elements += elements;
        shares.floats.bits += 8 * elements * elementBytes(tensor);
      }
      const op = readerOf(name);
      const group = byOp.get(op) ?? { op, bytes: 0, largest: [] };
      byOp.set(op, group);
      group.bytes += bytes;
      group.largest.push({ name, bytes });
    }
  }
  const falling = (a: { bytes: number }, b: { bytes: number }) => b.bytes - a.bytes;
  for (const group of byOp.values()) group.largest = group.largest.sort(falling).slice(0, NAMED);
  shares.staying = [...byOp.values()].sort(falling);
  return shares;
}

/** The operator that reads a tensor of this body first; '' where it is read elsewhere or not at all. */
function firstReaders(body: GraphProto): (tensor: string) => string {
  const graph = new Graph(body);
  return (tensor) => {
    const [first] = graph.consumers(tensor);
    return first === undefined ? '' : graph.order[first].opType;
  };
}
