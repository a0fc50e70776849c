/** A folder of pictures as the input of a model. */
import { basename, extname, join } from 'node:path';
import { decodePicture, PictureError, pictureSize, type PictureTarget } from './decode';
import { DataError } from '../inputs/errors';
import { labelPictures } from './labels';
import { guessedSizesWarning } from '../inputs/openSizes';
import { sizeFromPictures } from './pictureSize';
import { mapConcurrently } from '../../common/mapConcurrently';
import {
  cropMargin,
  fillPicture,
  normalization,
  pictureLayout,
  pixelTables,
  type PictureLayout,
} from './preprocessing';
import { describeShape, type InputSpec } from '../inputs/inputShapes';
import type { Chosen, OpenContext, Source } from '../inputs/source';
import type { Preprocessing } from '../inputs/spec';
import { isFloat, makeData, makeTensor, product } from '../inputs/tensorTypes';
import { isPicture, listFiles, PICTURE_EXTENSIONS } from '../inputs/walk';

/** As many as libuv has threads. */
const CONCURRENCY = 4;
/** Decoded pictures that are kept, so that small sets are decoded once. */
const CACHE_BYTES = 128 * 1024 * 1024;
/** Headers that are looked at to settle an open size. */
const SIZES_READ = 256;
const NAMED_IN_WARNING = 5;

export async function openPictures(
  folder: string,
  context: OpenContext,
  preprocessing: Preprocessing,
): Promise<Source> {
  const { spec, layout } = pictureInput(context.specs, preprocessing, folder);
  const listing = await listFiles(folder, context.signal);
  const pictures = listing.files.filter(isPicture);
  if (pictures.length === 0) throw noPictures(folder, listing.files);
  const { files, labels, classNames, warnings } = await labelPictures(folder, listing, pictures);
  if (!isFloat(spec.type) && (preprocessing.mean || preprocessing.std)) {
    warnings.push(
      `The model takes ${spec.type} pixels, so they are fed as they are and mean and std are not applied.`,
    );
  }
  // Asked for now, so that a wrong number of means is an error before anything is decoded.
  const tables = pixelTables(normalization(preprocessing, layout.channels), spec.type);
  return {
    count: files.length,
    labels,
    classNames,
    noun: `images in ${basename(folder)}/`,
    warnings,
    async choose(order, wanted): Promise<Chosen> {
      const reader = new PictureReader(folder, files, context);
      const sized = await sizedTarget(reader, spec, layout, preprocessing, order, wanted);
      const indices = await reader.take(order, wanted, sized.target);
      const read = async (start: number, count: number) => {
        const pixels = await reader.read(indices.slice(start, start + count), sized.target);
        const { channels, height, width } = sized.target;
        const length = channels * height * width;
        const data = makeData(spec.type, length * count);
        const bgr = preprocessing.channels === 'BGR';
        pixels.forEach((one, i) => fillPicture(data, i * length, one, layout, tables, bgr));
        const dims = sized.shape.map((size, axis) => (axis === spec.batchAxis ? count : size));
        return { [spec.name]: makeTensor(spec.type, data, dims) };
      };
      return {
        indices,
        shapes: { [spec.name]: sized.shape },
        warnings: [...sized.warnings, ...reader.warnings()],
        read,
        close: () => Promise.resolve(reader.clear()),
      };
    },
  };
}

function pictureInput(
  specs: readonly InputSpec[],
  preprocessing: Preprocessing,
  folder: string,
): { spec: InputSpec; layout: PictureLayout } {
  const [spec] = specs;
  if (specs.length !== 1) {
    throw new DataError(
      `${folder} holds pictures for one input, but the model has ${specs.length} (${specs.map((s) => s.name).join(', ')}); give a .npz with an array for each.`,
    );
  }
  const layout = pictureLayout(spec, preprocessing.layout);
  const shape = describeShape(spec.shape.map((size, axis) => size ?? spec.names[axis]));
  if (!layout) {
    const how = preprocessing.layout ? ` in layout ${preprocessing.layout}` : '';
    throw new DataError(
      `The model's input "${spec.name}" (${shape}) does not take pictures of 1, 3 or 4 channels${how}; give a .npy or .npz with arrays of that shape instead of ${folder}.`,
    );
  }
  if (spec.type === 'int8' || spec.type === 'bool') {
    throw new DataError(
      `The model's input "${spec.name}" takes ${spec.type}, for which pictures have no agreed meaning; give a .npy or .npz of ${spec.type} instead of ${folder}.`,
    );
  }
  return { spec, layout };
}

function noPictures(folder: string, files: string[]): DataError {
  const understood = `pictures are understood as ${PICTURE_EXTENSIONS.join(' ')}`;
  const array = files.find((file) => /\.np[yz]$/i.test(file));
  if (array) return new DataError(`${folder} holds no pictures; to use ${array}, give that file itself.`);
  if (files.length === 0)
    return new DataError(`${folder} is empty; give a folder of pictures, a .npy or a .npz.`);
  const kinds = [...new Set(files.slice(0, 1000).map((file) => extname(file) || basename(file)))].slice(0, 5);
  return new DataError(`${folder} holds no pictures, only ${kinds.join(' ')}; ${understood}.`);
}

/** The size to decode to: the model's, the user's, or one that suits the pictures. */
async function sizedTarget(
  reader: PictureReader,
  spec: InputSpec,
  layout: PictureLayout,
  preprocessing: Preprocessing,
  order: readonly number[],
  wanted: number,
): Promise<{ target: PictureTarget; shape: number[]; warnings: string[] }> {
  const fixed = { height: spec.shape[layout.heightAxis], width: spec.shape[layout.widthAxis] };
  const open = fixed.height === null || fixed.width === null;
  const size = open
    ? sizeFromPictures(fixed, await reader.sizes(order, Math.min(wanted, SIZES_READ)))
    : { height: fixed.height!, width: fixed.width!, because: '' };
  const shape = spec.shape.map((given, axis) => {
    if (axis === layout.heightAxis) return size.height;
    if (axis === layout.widthAxis) return size.width;
    return axis === spec.batchAxis ? 1 : (given ?? layout.channels);
  });
  const target: PictureTarget = {
    height: size.height,
    width: size.width,
    channels: layout.channels,
    resize: preprocessing.resize ?? 'crop',
    margin: cropMargin(preprocessing),
  };
  if (product(shape) > reader.context.maxBytes) {
    throw new DataError(
      `A picture of ${describeShape(shape)} is more than the memory limit allows; give a smaller --shape.`,
    );
  }
  return { target, shape, warnings: open ? [guessedSizesWarning(spec, shape, size.because)] : [] };
}

/** Decodes pictures; those that cannot be are remembered and named in a warning. */
class PictureReader {
  private readonly broken = new Map<number, string>();
  private readonly cache = new Map<number, Uint8Array>();
  private cachedBytes = 0;

  constructor(
    private readonly folder: string,
    private readonly files: readonly string[],
    readonly context: OpenContext,
  ) {}

  /** Sizes of the first `wanted` pictures, in the order of preference, whose headers can be read. */
  async sizes(order: readonly number[], wanted: number) {
    const sizes = await this.collect(order, wanted, (index) => pictureSize(this.path(index)));
    return sizes.map(({ value }) => value);
  }

  /**
   * The first `wanted` pictures, in the order of preference, that decode. Every one is decoded here once, so that a
   * broken one is left out before anything is counted; as many as fit are kept.
   */
  async take(order: readonly number[], wanted: number, target: PictureTarget): Promise<number[]> {
    const taken = await this.collect(order, wanted, async (index, done) => {
      this.keep(index, await decodePicture(this.path(index), target));
      this.context.progress(done / wanted);
    });
    return taken.map(({ index }) => index);
  }

  read(indices: readonly number[], target: PictureTarget): Promise<Uint8Array[]> {
    return mapConcurrently(indices, CONCURRENCY, async (index) => {
      this.context.signal?.throwIfAborted();
      try {
        return this.cache.get(index) ?? (await decodePicture(this.path(index), target));
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
        throw new DataError(
          `${this.path(index)} could be read a moment ago and cannot be now (${error.message}); leave the pictures in place while they are used.`,
        );
      }
    });
  }

  warnings(): string[] {
    if (this.broken.size === 0) return [];
    const named = this.brokenNames();
    return [`${this.broken.size} files were left out because they cannot be decoded: ${named}.`];
  }

  clear(): void {
    this.cache.clear();
    this.cachedBytes = 0;
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
      const values = await mapConcurrently(some, CONCURRENCY, async (index) => {
        this.context.signal?.throwIfAborted();
        if (this.broken.has(index)) return null;
        try {
          return { index, value: await job(index, good.length) };
        } catch (error) {
          if (!(error instanceof PictureError)) throw error;
          this.broken.set(index, error.message);
          return null;
        }
      });
      good.push(...values.filter((value) => value !== null));
    }
    if (good.length === 0) {
      throw new DataError(`No picture in ${this.folder} can be decoded: ${this.brokenNames()}.`);
    }
    return good;
  }

  private brokenNames(): string {
    const names = [...this.broken].sort(([a], [b]) => a - b);
    const some = names.slice(0, NAMED_IN_WARNING).map(([index, why]) => `${this.files[index]} (${why})`);
    return some.join(', ') + (names.length > some.length ? ` and ${names.length - some.length} more` : '');
  }

  private keep(index: number, pixels: Uint8Array): void {
    if (this.cachedBytes + pixels.length > CACHE_BYTES) return;
    this.cache.set(index, pixels);
    this.cachedBytes += pixels.length;
  }

  private path(index: number): string {
    return join(this.folder, this.files[index]);
  }
}
