/** The memory that second moments of a layer's inputs take, which does not shrink with the number of samples. */
import { product } from '../../../onnx/proto/dims';
import type { RoundingMethod } from '../../../core/rounding/problem';
import { type Layer, scaleAxes } from '../../../onnx/network/network';
import { scaleCount } from '../../../onnx/network/scaleAxes';

import { megabytes, residentMemory } from '../ort/memory';

/** What the moments of a network's layers take. */
export interface MomentsMemory {
  /** Of the layer that takes most, of those that fit. */
  bytes: number;
  /** Names of the layers that do not fit: they are rounded by the power of each input alone. */
  wide: ReadonlySet<string>;
  /** About those. */
  warnings: string[];
}

/** Bytes per entry of the matrix: summed up in float64 over two halves of the samples, beside ONNX Runtime's float32. */
const SUMMED = 24;

/** The same with its factor, its inverse and their copies (measured: 8 matrices of float64 at the worst moment). */
const ROUNDED = 64;

/** Always afforded. */
const LEAST = 64e6;

/**
 * @param rounding null: the moments are summed up, but nothing is rounded by them
 * @param limit bytes that the process may hold
 */
export function momentsMemory(
  layers: Iterable<Layer>,
  rounding: RoundingMethod | null,
  limit: number,
): MomentsMemory {
  const left = Math.max(LEAST, limit - residentMemory());
  const perEntry = rounding === null || rounding === 'nearest' ? SUMMED : ROUNDED;
  const wide = new Set<string>();
  const warnings: string[] = [];
  let most = 0;
  for (const layer of layers) {
    const { node, op, weightShape, groups } = layer;
    if (layer.picks) continue;
    const apart = op === 'ConvTranspose' ? groups : 1;
    const inputs = product(weightShape) / scaleCount(scaleAxes(layer)) / apart;
    // All groups are summed up at once, and rounded one after the other.
    const bytes = perEntry * inputs ** 2 + SUMMED * (groups - 1) * inputs ** 2;
    if (bytes <= left) {
      most = Math.max(most, bytes);
      continue;
    }
    wide.add(node);
    warnings.push(
      `"${node}" has ${inputs} inputs per output, whose second moments would take ${megabytes(bytes)}, of which ${megabytes(left)} are left under the memory limit of ${megabytes(limit)}: it is rounded to nearest, by the power of each input alone.`,
    );
  }
  return { bytes: most, wide, warnings };
}
