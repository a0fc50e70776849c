/** The pictures of a folder, decoded several at once, with a memory of those that cannot be. */
import pMap from 'p-map';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodePicture, PictureError, pictureSize, type PictureTarget } from './decode';
import { DecodedPictures } from './decodedPictures';
import { DataError } from '../inputs/errors';
import type { OpenContext } from '../inputs/source';

/** As many as libuv has threads. */
const CONCURRENCY = 4;
const NAMED_IN_WARNING = 5;

/** Decodes pictures; those that cannot be are remembered and named in a warning. */
export class PictureReader {
  private decoded: DecodedPictures;
  /** Files that were passed over, and why. */
  private readonly leftOut = new Map<number, string>();
  /** Of those taken, how many had the wanted size already. */
  exact = 0;

  constructor(
    private readonly folder: string,
    private readonly files: readonly string[],
    readonly context: OpenContext,
  ) {
    this.decoded = context.decoded ?? new DecodedPictures();
  }

  /** Sizes of the first `wanted` pictures, in the order of preference, whose headers can be read. */
  async sizes(order: readonly number[], wanted: number) {
    const sizes = await this.collect(order, wanted, (index) => pictureSize(this.path(index)));
    return sizes.map(({ value }) => value);
  }

  /**
   * The first `wanted` pictures, in the order of preference, that decode. Every one that is not known is decoded here, so
   * that a broken one is left out before anything is counted; as many as fit are kept.
   */
  async take(order: readonly number[], wanted: number, target: PictureTarget): Promise<number[]> {
    const { decoded } = this;
    decoded.begin(target);
    const taken = await this.collect(order, wanted, async (index, done) => {
      if (!decoded.exact.has(index)) await this.decode(index, target);
      this.context.progress(done / wanted);
      return decoded.exact.get(index)!;
    });
    this.exact = taken.filter(({ value }) => value).length;
    return taken.map(({ index }) => index);
  }

  read(indices: readonly number[], target: PictureTarget): Promise<Uint8Array[]> {
    return pMap(
      indices,
      async (index) => {
        this.context.signal?.throwIfAborted();
        try {
          return this.decoded.get(index) ?? (await this.decode(index, target));
        } catch (error) {
          if (!(error instanceof PictureError)) throw error;
          throw this.changed(index, error);
        }
      },
      { concurrency: CONCURRENCY },
    );
  }

  private changed(index: number, { message }: PictureError): DataError {
    return new DataError(
      `${this.path(index)} could be read a moment ago and cannot be now (${message}); leave the pictures in place while they are used.`,
    );
  }

  warnings(): string[] {
    if (this.leftOut.size === 0) return [];
    const named = this.namesLeftOut();
    return [`${this.leftOut.size} files were left out because they cannot be decoded: ${named}.`];
  }

  /** Lets go of the pixels, unless they are kept for another opening. */
  clear(): void {
    if (!this.context.decoded) this.decoded = new DecodedPictures();
  }

  private async decode(index: number, target: PictureTarget): Promise<Uint8Array> {
    const { pixels, exact } = await decodePicture(this.path(index), target);
    this.decoded.put(index, pixels, exact);
    return pixels;
  }

  private async collect<T>(
    order: readonly number[],
    wanted: number,
    job: (index: number, done: number) => Promise<T>,
  ): Promise<{ index: number; value: T }[]> {
    const good: { index: number; value: T }[] = [];
    let at = 0;
    while (good.length < wanted && at < order.length) {
      // No more than is missing, so that the choice does not depend on which one finishes first.
      const some = order.slice(at, at + Math.min(wanted - good.length, 16 * CONCURRENCY));
      at += some.length;
      const values = await pMap(
        some,
        async (index) => {
          this.context.signal?.throwIfAborted();
          const { broken } = this.decoded;
          try {
            if (!broken.has(index)) return { index, value: await job(index, good.length) };
          } catch (error) {
            if (!(error instanceof PictureError)) throw error;
            if (await isGone(this.path(index))) throw this.changed(index, error);
            broken.set(index, error.message);
          }
          this.leftOut.set(index, broken.get(index)!);
          return null;
        },
        { concurrency: CONCURRENCY },
      );
      good.push(...values.filter((value) => value !== null));
    }
    if (good.length === 0) {
      throw new DataError(`No picture in ${this.folder} can be decoded: ${this.namesLeftOut()}.`);
    }
    return good;
  }

  private namesLeftOut(): string {
    const names = [...this.leftOut].sort(([a], [b]) => a - b);
    const some = names.slice(0, NAMED_IN_WARNING).map(([index, why]) => `${this.files[index]} (${why})`);
    return some.join(', ') + (names.length > some.length ? ` and ${names.length - some.length} more` : '');
  }

  private path(index: number): string {
    return join(this.folder, this.files[index]);
  }
}

/** A link that leads nowhere is still there. */
function isGone(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    () => true,
  );
}
