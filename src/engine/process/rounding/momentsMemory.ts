/** The memory that second moments of a layer's inputs take, which does not shrink with the number of samples. */
import { basename } from 'node:path';
import type { RoundingMethod } from '../../../core/rounding/problem';
import { type Layer, scaleAxes } from '../../../onnx/network/network';
import { scaleCount } from '../../../onnx/network/scaleAxes';
import { elements } from '../../../onnx/packing/unpack';
import { EngineFault } from '../job/faults';
import { megabytes, residentMemory } from '../ort/memory';

/** Of the layer that takes most. */
export interface MomentsMemory {
  layer: string;
  /** Inputs of one output: the moments are a matrix with so many rows and columns. */
  inputs: number;
  bytes: number;
}

/** Bytes per entry of the matrix: summed up in float64, beside ONNX Runtime's float32. */
const SUMMED = 16;

/** Summed up over two halves of the samples. */
const HALVES = 24;

/** The same with its factor, its inverse and their copies (measured: 8 matrices of float64 at the worst moment). */
const ROUNDED = 64;

/** Always afforded. */
const LEAST = 64e6;

/** @param rounding null: the moments are summed up, but nothing is rounded by them */
export function largestMoments(layers: Iterable<Layer>, rounding: RoundingMethod | null): MomentsMemory {
  let largest: MomentsMemory = { layer: '', inputs: 0, bytes: 0 };
  const perEntry = rounding === null || rounding === 'nearest' ? SUMMED : ROUNDED;
  for (const layer of layers) {
    const { node, op, weightShape, groups } = layer;
    if (layer.picks) continue;
    const apart = op === 'ConvTranspose' ? groups : 1;
    const inputs = elements(weightShape) / scaleCount(scaleAxes(layer)) / apart;
    // All groups are summed up at once, and rounded one after the other.
    const bytes =
      perEntry * inputs ** 2 + (rounding === 'reconstruct' ? HALVES : SUMMED) * (groups - 1) * inputs ** 2;
    if (bytes > largest.bytes) largest = { layer: node, inputs, bytes };
  }
  return largest;
}

/**
 * @param limit bytes that the process may hold
 * @param instead what else the user can do
 * @throws EngineFault where the moments would not fit
 */
export function checkMomentsMemory(
  { layer, inputs, bytes }: MomentsMemory,
  limit: number,
  model: string,
  instead: string,
): void {
  const left = Math.max(LEAST, limit - residentMemory());
  if (bytes <= left) return;
  throw new EngineFault(
    `The memory limit of ${megabytes(limit)} is too small for ${basename(model)}: "${layer}" has ${inputs} inputs per output, and their second moments take ${megabytes(bytes)}, of which ${megabytes(left)} are left; raise the limit or ${instead}.`,
  );
}
