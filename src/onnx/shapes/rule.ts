/** What a rule of shape inference is given and gives back. */
import type { Dimension, Shape } from '../proto/dims';
import type { NodeProto } from '../proto/onnx_pb';

/** What a rule may ask about the inputs of its node. */
export interface Known {
  opset: number;
  /** Shape of the node's input at this position; null where unknown or left out. */
  shape(index: number): Shape | null;
  /** Its values, where it is a small integer tensor (a shape, axes ...) that is known or partly known. */
  values(index: number): Dimension[] | null;
  /** Its values, where it is a small float tensor stored in the file (the scales of a Resize). */
  floats(index: number): number[] | null;
}

/** What a rule finds out about one output. */
export interface Found {
  shape: Shape | null;
  values?: Dimension[];
}

export interface Shapes {
  /** Null where nothing is known, not even the rank. */
  get(tensor: string): Dimension[] | null;
}

/** One entry per output that something is known of. */
export type Rule = (node: NodeProto, known: Known) => Found[];
