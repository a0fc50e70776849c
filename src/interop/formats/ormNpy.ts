/** The orthogonality matrix as a NumPy array. */
import { FormatError } from '../errors';
import { type Format } from '../format';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

/** Of the data, from the file's beginning. */
const ALIGNMENT = 64;

export const ormNpy: Format = {
  id: 'orm-npy',
  title: 'NumPy array of the ORM matrix',
  use: 'numpy.load: float64, functions x functions in network order',
  suffix: '.orm.npy',
  needs: 'orm',

  write({ network, orm }) {
    const size = network.functions.length;
    if (orm?.length !== size * size) throw new FormatError('The model has not been scored.');
    return { content: npy(orm, [size, size]), warnings: [] };
  },
};

/** A float64 array in NumPy's .npy format 1.0, row-major. */
export function npy(values: Float64Array, shape: readonly number[]): Uint8Array {
  const dims = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const text = `{'descr': '<f8', 'fortran_order': False, 'shape': ${dims}, }`;
  const fixed = MAGIC.length + 2;
  const length = Math.ceil((fixed + text.length + 1) / ALIGNMENT) * ALIGNMENT - fixed;
  const file = new Uint8Array(fixed + length + values.byteLength);
  const view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setUint16(MAGIC.length, length, true);
  file.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), fixed);
  values.forEach((value, i) => view.setFloat64(fixed + length + i * 8, value, true));
  return file;
}
