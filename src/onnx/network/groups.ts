/** Which layers may have a scale per group of inputs. */
import type { Layer, LayerOp } from './network';
import type { ScaleGroup } from './scaleAxes';

const OPS: ReadonlySet<LayerOp> = new Set<LayerOp>(['MatMul', 'Gemm', 'Gather']);

/** Groups of `size` inputs of a stored matrix; undefined where the layer is none, or the groups do not come out even. */
export function scaleGroup(
  { op, weightShape, channelAxis, apart }: Pick<Layer, 'op' | 'weightShape' | 'channelAxis' | 'apart'>,
  size: number,
): ScaleGroup | undefined {
  if (size <= 0 || weightShape.length !== 2 || apart || !OPS.has(op)) return undefined;
  const axis = 1 - channelAxis;
  const inputs = weightShape[axis];
  return inputs > size && inputs % size === 0 ? { axis, size } : undefined;
}
