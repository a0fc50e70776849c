/** How wide the codes of the weights of integer layers may be. */
import { widestCodes } from '../../common/integerProduct';
import type { Placement } from './placement';

/**
 * Per weight that integer layers read, the most bits of its codes. One that several layers read takes 7: rewriting wider
 * codes for exact kernels (session.x64quantprecision), ONNX Runtime would name the same tensor twice.
 */
export function widestPerWeight({ layers, tensors }: Placement): Map<string, 7 | 8> {
  const inputBits = new Map(tensors.map(({ tensor, bits }) => [tensor, bits]));
  const widest = new Map<string, 7 | 8>();
  for (const { layer } of layers) {
    const own = widestCodes(inputBits.get(layer.input) ?? 8);
    widest.set(layer.weight, widest.has(layer.weight) ? 7 : own);
  }
  return widest;
}
