/** Sizes of files as people write and read them. */

const UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** "1.5MB", "800 KiB" -> bytes (MB = 10^6, MiB = 2^20); null where it is no size. */
export function parseSize(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text);
  const unit = match ? UNITS[match[2].toLowerCase()] : undefined;
  if (!match || unit === undefined) return null;
  // 1.13 * 1e6 falls short of 1130000.
  const bytes = Math.floor(Number((Number(match[1]) * unit).toPrecision(15)));
  return bytes > 0 ? bytes : null;
}

/** Up to so many decimals: what is printed, and given back as a limit, is not less than what it stands for. */
export function roundedUp(value: number, decimals: number): number {
  const unit = 10 ** decimals;
  // Sums of products are exact to far more digits than this.
  return Math.ceil(value * unit - 1e-9 * Math.max(1, Math.abs(value))) / unit;
}

/** 1234567 -> "1.24 MB": rounded up, so that a budget of the size that is shown holds the file. */
export function formatSize(bytes: number): string {
  if (bytes >= 1e9) return `${roundedUp(bytes / 1e9, 2).toFixed(2)} GB`;
  if (bytes >= 1e6) return `${roundedUp(bytes / 1e6, 2).toFixed(2)} MB`;
  if (bytes >= 1e3) return `${roundedUp(bytes / 1e3, 1).toFixed(1)} KB`;
  return `${bytes} B`;
}

/** "4.00", of bits on average: rounded up, so that a budget of what is printed admits what it was printed of. */
export function formatAverage(bits: number): string {
  return roundedUp(bits, 2).toFixed(2);
}
