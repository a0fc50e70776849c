/** A weight of the file and how it is stored. */
import type { ConstantForm } from '../graph/graphPart';
import { type ScaleAxes, splitAxes } from '../network/scaleAxes';
import type { SharedName } from './tables';

/** A weight tensor of the source file. */
export interface StoredWeight extends ScaleAxes {
  /** The tensor's name in the file: the name under which it is put back. */
  tensor: string;
  shape: number[];
  /** TensorProto.DataType: FLOAT, FLOAT16, BFLOAT16 or DOUBLE. */
  dataType: number;
}

/** How weights are stored, the same for all weights of a file. */
export interface StorageForm {
  scaleType: 'float32' | 'float16';
  opset: number;
  constants: ConstantForm;
  shared: SharedName;
}

/** Makes the bytes of the constants; called only when a file is written. */
export interface WeightContent {
  codes(): Int8Array;
  scales(): Float32Array;
  values(): Float32Array;
}

/** What comes out: the weight under its own name, or its int8 codes for an integer layer to read. */
export type UnpackedAs = 'weight' | 'codes';

/** Rows along the first axis stand for themselves: none shares a scale with another one. */
export function isPickable({ axis, apart = [], group }: StoredWeight): boolean {
  return Math.min(axis, ...apart) === 0 && group?.axis !== 0;
}

/** Dims under which the scales broadcast over the codes: the weight's own, groups split. */
export function splitDims(weight: StoredWeight): number[] {
  return [...splitAxes(weight).shape];
}
