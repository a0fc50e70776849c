/** Width and scale group of a stored weight as one number, by which tables of bytes and noise are read. */

/** Inputs that may share a scale; beside these, all of an output do (0). */
export const GROUP_SIZES = [32, 64, 128] as const;

const PLACE = 100;

/** The width itself where there is no group; floats have none. */
export function storageCode(bits: number, group = 0): number {
  return bits + PLACE * (bits > 8 ? 0 : group);
}

export function bitsOf(code: number): number {
  return code % PLACE;
}

export function groupOf(code: number): number {
  return Math.floor(code / PLACE);
}

/** Of functions that have a width and perhaps a group. */
export function storageCodes(functions: readonly { bits: number; group?: number }[]): number[] {
  return functions.map(({ bits, group }) => storageCode(bits, group));
}
