/** A folder of pictures as the input of a model. */
import { basename, extname } from 'node:path';
import { product } from '../../onnx/proto/dims';
import { DataError } from '../inputs/errors';
import { describeShape, type InputSpec } from '../inputs/inputShapes';
import { guessedSizesWarning } from '../inputs/openSizes';
import type { Chosen, OpenContext, Source } from '../inputs/source';
import type { Preprocessing } from '../inputs/spec';
import { isFloat, makeData, makeTensor } from '../inputs/tensorTypes';
import { isPicture, type Listing, PICTURE_EXTENSIONS } from '../inputs/walk';
import { labelFiles } from '../labels/labels';
import type { PictureTarget } from './decode';
import { PictureReader } from './pictureReader';
import { sizeFromPictures } from './pictureSize';
import {
  cropMargin,
  describePreparation,
  fillPicture,
  normalization,
  pictureLayout,
  type PictureLayout,
  pixelTables,
} from './preprocessing';

/** Headers that are looked at to settle an open size. */
const SIZES_READ = 256;

export async function openPictures(
  folder: string,
  listing: Listing,
  context: OpenContext,
  preprocessing: Preprocessing,
): Promise<Source> {
  const { spec, layout } = pictureInput(context.specs, preprocessing, folder);
  const pictures = listing.files.filter(isPicture);
  if (pictures.length === 0) throw noPictures(folder, listing.files);
  const { files, warnings, ...labelled } = await labelFiles(folder, listing, pictures);
  if (!isFloat(spec.type) && (preprocessing.mean || preprocessing.std)) {
    warnings.push(
      `The model takes ${spec.type} pixels, so they are fed as they are and mean and std are not applied.`,
    );
  }
  // Asked for now, so that a wrong number of means is an error before anything is decoded.
  const numbers = normalization(preprocessing, layout.channels);
  const tables = pixelTables(numbers, spec.type);
  return {
    count: files.length,
    ...labelled,
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
        preparation: describePreparation(
          { exact: reader.exact, all: indices.length },
          sized.target,
          preprocessing,
          isFloat(spec.type) ? numbers : null,
        ),
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
    keepExact: preprocessing.resize === undefined && preprocessing.crop === undefined,
    margin: cropMargin(preprocessing),
  };
  if (product(shape) > reader.context.maxBytes) {
    throw new DataError(
      `A picture of ${describeShape(shape)} is more than the memory limit allows; give a smaller --shape.`,
    );
  }
  return { target, shape, warnings: open ? [guessedSizesWarning(spec, shape, size.because)] : [] };
}
