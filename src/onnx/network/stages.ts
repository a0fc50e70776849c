/** Stages: runs of functions at the same spatial resolution. */
import type { Shapes } from '../shapes/rule';
import type { LayerOp, NetworkFunction } from './network';

/**
 * The stage of each function, counted from 0 in network order. A function without spatial extent (a gate of
 * squeeze-and-excitation) belongs to the stage around it; at the end of a network (the classifier) it is a stage of its
 * own.
 */
export function stageIndices(functions: readonly NetworkFunction[], shapes: Shapes): number[] {
  const keys = functions.map((each) => resolution(each, shapes));
  const lastSpatial = keys.findLastIndex((key) => key !== '');
  let stage = 0;
  let current: string | null = null;
  return keys.map((key, index) => {
    const gate = key === '' && index < lastSpatial;
    if (!gate && current !== null && key !== current) stage++;
    if (!gate) current = key;
    return stage;
  });
}

const CHANNELS_LAST: ReadonlySet<string> = new Set<LayerOp>(['MatMul', 'Gemm', 'Gather', 'GatherElements']);

/** Sizes of all axes but batch and channels; '' where they are all 1. */
function resolution({ output, op }: NetworkFunction, shapes: Shapes): string {
  const shape = shapes.get(output) ?? [];
  const sizes = CHANNELS_LAST.has(op) ? shape.slice(1, -1) : shape.slice(2);
  return sizes.every((size) => size === 1) ? '' : sizes.join('x');
}
