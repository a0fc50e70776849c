/** Opened data: samples that can be read in any order, a block at a time. */

import type { ClassList } from '../labels/classes';

export type Tensor =
  | { type: 'float32'; data: Float32Array; dims: number[] }
  | { type: 'float64'; data: Float64Array; dims: number[] }
  | { type: 'float16'; data: Uint16Array; dims: number[] }
  | { type: 'int64'; data: BigInt64Array; dims: number[] }
  | { type: 'int32'; data: Int32Array; dims: number[] }
  | { type: 'int16'; data: Int16Array; dims: number[] }
  | { type: 'int8'; data: Int8Array; dims: number[] }
  | { type: 'uint64'; data: BigUint64Array; dims: number[] }
  | { type: 'uint32'; data: Uint32Array; dims: number[] }
  | { type: 'uint16'; data: Uint16Array; dims: number[] }
  | { type: 'uint8'; data: Uint8Array; dims: number[] }
  | { type: 'bool'; data: Uint8Array; dims: number[] };

export interface Dataset {
  /** For people: "64 of 256 images in calibration/", "synthetic input (seed 0)". */
  description: string;
  synthetic: boolean;
  /** Equal for data that give the same samples, though perhaps not as many of them; absent: not known. */
  identity?: string;
  /** Number of samples, after choosing. */
  size: number;
  /** What was done to the samples, in one line, where anything was. */
  preparation?: string;
  /** Per sample, where the data has labels: the index of its class in `classNames`; without names, the class number itself. */
  labels: Int32Array | null;
  /** Names of the classes, sorted, where the labels came with names (folders, a CSV of names): see classNumbers. */
  classNames: string[] | null;
  /** The model's classes in their order, where the user or a file beside the data lists them. */
  classList: ClassList | null;
  /** Words for the user: open sizes that were guessed, files that were left out ... */
  warnings: string[];
  /** Per model input, the dims that read(i, 1) gives. */
  shapes: Record<string, number[]>;
  /**
   * Per model input, the axis along which samples are stacked: 0 nearly always, 1 for recurrent states
   * [layers, batch, hidden], null for an input that all samples share (a sample rate) and for models without a batch.
   */
  batchAxes: Record<string, number | null>;
  /**
   * Samples [start, start + count), one tensor per model input, ready to be fed: dims are `shapes` with `count` on the
   * batch axis. A batch size that the model fixes is not applied: a sample has no batch dimension of its own, and a
   * model fixed at batch B is fed by reading B at a time. Where no input has a batch axis, count must be 1.
   * @throws DataError where a file has vanished or changed since the set was opened.
   */
  read(start: number, count: number): Promise<Record<string, Tensor>>;
  /** Lets go of open files; safe to call twice. */
  close(): Promise<void>;
}
