/** What is known of the pictures of one folder once they were decoded: kept for as long as the folder stays as it is. */
import type { PictureTarget } from './decode';

/** Pixels that are kept, so that small sets are decoded once. */
const MOST_BYTES = 128 * 1024 * 1024;

export class DecodedPictures {
  /** By index of the file: what is wrong with those that cannot be decoded. */
  readonly broken = new Map<number, string>();
  /** Of those that can be, whether they have the wanted size already. */
  readonly exact = new Map<number, boolean>();
  private readonly pixels = new Map<number, Uint8Array>();
  private bytes = 0;
  private target = '';

  /** What was decoded to another size is forgotten. */
  begin(target: PictureTarget): void {
    const key = JSON.stringify(target);
    if (key !== this.target) this.clear();
    this.target = key;
  }

  get(index: number): Uint8Array | undefined {
    return this.pixels.get(index);
  }

  /** Kept where there is room. */
  put(index: number, pixels: Uint8Array, exact: boolean): void {
    this.exact.set(index, exact);
    if (this.pixels.has(index) || this.bytes + pixels.length > MOST_BYTES) return;
    this.pixels.set(index, pixels);
    this.bytes += pixels.length;
  }

  private clear(): void {
    this.exact.clear();
    this.pixels.clear();
    this.bytes = 0;
  }
}
