/** A weight of 2 to 8 bits in the form that was chosen for it. */
import { dequantizeOpset, dequantizePart, isDequantizedWidth } from './dequantizePart';
import type { CodeBits } from './planes';
import type { WeightReaders } from './rowPickers';
import type { StorageForm, StoredWeight, UnpackedAs, WeightContent } from './storedWeight';
import { codesPart } from './unpack';
import type { UnpackPart } from './unpackWriter';

/** Bit planes where the width has no form of its own that the readers take. */
export function storedPart(
  weight: StoredWeight,
  bits: CodeBits,
  names: (n: number) => string,
  form: StorageForm,
  content: WeightContent,
  as: UnpackedAs,
  readers: WeightReaders,
): UnpackPart {
  const { products } = readers;
  const opset = products && as === 'weight' ? dequantizeOpset(weight, bits, products) : null;
  return products && opset !== null && opset <= form.opset && isDequantizedWidth(bits)
    ? dequantizePart(weight, bits, products, names, form, content)
    : codesPart(weight, bits, names, form, content, as, readers);
}
