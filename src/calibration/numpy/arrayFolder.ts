/** A folder of .npy or .npz files, one sample (or one batch of samples) a file. */
import pMap from 'p-map';
import { basename, extname } from 'node:path';
import { LABEL_NAMES, readLabels } from './arrays';
import { DataError } from '../inputs/errors';
import { labelFiles } from '../labels/labels';
import { PieceReader } from './pieceReader';
import { byInput, type Piece } from './pieces';
import type { InputSpec } from '../inputs/inputShapes';
import { firstOf, type OpenContext, type Source, type Tensors } from '../inputs/source';
import { stackSamples } from '../inputs/stack';
import { makeData, type TensorData } from '../inputs/tensorTypes';
import { isArray, type Listing } from '../inputs/walk';

/** As many as libuv has threads. */
const CONCURRENCY = 4;

export async function openArrayFolder(
  folder: string,
  listing: Listing,
  context: OpenContext,
): Promise<Source> {
  const found = findPieces(folder, listing, context);
  const named = found.pieces.every(({ files }) => (files?.size ?? 1) === 1)
    ? await labelFiles(
        folder,
        listing,
        found.pieces.map(({ file }) => file),
      )
    : null;
  const used = new Set(named?.files);
  const pieces = named ? found.pieces.filter(({ file }) => used.has(file)) : found.pieces;
  const reader = new PieceReader(folder, context);
  const shapes = await reader.measure(pieces);
  await checkShared(folder, pieces, reader, context);
  const at = pieces.flatMap((piece) => Array.from({ length: piece.count }, (_, row) => ({ piece, row })));
  const byFile = named?.labels && repeated(named.labels, pieces);
  return {
    count: at.length,
    labels: byFile ?? (await labelArrays(listing, pieces, reader, at.length)),
    classNames: named?.classNames ?? null,
    classList: named?.classList,
    noun: `samples in ${basename(folder)}/ (${pieces.length} ${pieces[0].files ? '.npy' : '.npz'})`,
    warnings: [...found.warnings, ...(named?.warnings ?? [])],
    choose(order, wanted) {
      const read = async (indices: readonly number[]) => {
        const rows = indices.map((i) => at[i]);
        const loaded = await pMap(rows, ({ piece, row }) => reader.read(piece, row), {
          concurrency: CONCURRENCY,
        });
        const tensors: Tensors = {};
        for (const spec of context.specs) {
          const samples = loaded.map((each) => each[spec.name]);
          tensors[spec.name] = stack(spec, shapes[spec.name], samples, folder);
        }
        return tensors;
      };
      return Promise.resolve(firstOf(order, wanted, shapes, read));
    },
  };
}

/** The .npy files or the .npz files, whichever are more; those that hold labels left out. */
function findPieces(folder: string, listing: Listing, { specs }: OpenContext) {
  const files = listing.files.filter((file) => isArray(file) && !isLabels(file));
  const archives = files.filter((file) => /z$/i.test(file));
  const plain = files.filter((file) => !/z$/i.test(file));
  const warnings: string[] = [];
  if (archives.length > 0 && plain.length > 0) {
    const left = archives.length > plain.length ? plain : archives;
    warnings.push(
      `${left.length} ${extname(left[0])} files of ${basename(folder)}/ were left out, because more are of the other kind.`,
    );
  }
  const pieces: Piece[] =
    archives.length > plain.length
      ? archives.map((file) => ({ file, files: null, count: 1 }))
      : byInput(plain, specs, folder);
  if (pieces.length > 0) return { pieces, warnings };
  throw new DataError(`${folder} holds labels and no samples; give a folder with a .npy or .npz for each.`);
}

const isLabels = (file: string): boolean => LABEL_NAMES.includes(basename(file, extname(file)).toLowerCase());

/** A file's label is that of all its samples. */
function repeated(labels: Int32Array, pieces: readonly Piece[]): Int32Array {
  return Int32Array.from(pieces.flatMap(({ count }, i) => Array.from({ length: count }, () => labels[i])));
}

/** What all samples share is compared in two of them before work starts, and in all as they are read. */
async function checkShared(
  folder: string,
  pieces: readonly Piece[],
  reader: PieceReader,
  { specs }: OpenContext,
): Promise<void> {
  const shared = specs.filter(({ batchAxis }) => batchAxis === null);
  if (pieces.length < 2 || shared.length === 0 || shared.length === specs.length) return;
  const [first, last] = [await reader.read(pieces[0], 0), await reader.read(pieces[pieces.length - 1], 0)];
  for (const spec of shared) sharedOne(spec, [first[spec.name], last[spec.name]], folder);
}

/** @throws DataError where they differ */
function sharedOne({ name }: InputSpec, samples: readonly TensorData[], folder: string): TensorData {
  const [first] = samples;
  const odd = samples.some((sample) =>
    sample.some((value: number | bigint, i: number) => value !== first[i]),
  );
  if (!odd) return first;
  throw new DataError(
    `The files of ${folder} differ in "${name}", which has one value for a whole batch in this model; split the data by that value.`,
  );
}

function stack(spec: InputSpec, shape: number[], samples: TensorData[], folder: string) {
  if (spec.batchAxis === null) return stackSamples(spec, shape, sharedOne(spec, samples, folder), 1);
  const length = samples[0].length;
  const all = makeData(spec.type, length * samples.length);
  samples.forEach((sample, i) => (all as Float32Array).set(sample as Float32Array, i * length));
  return stackSamples(spec, shape, all, samples.length);
}

/** From labels.npy, or from arrays in the .npz files. */
async function labelArrays(
  listing: Listing,
  pieces: readonly Piece[],
  reader: PieceReader,
  count: number,
): Promise<Int32Array | null> {
  const file = listing.files.find((each) => !each.includes('/') && isArray(each) && isLabels(each));
  if (file !== undefined && /y$/i.test(file)) {
    const array = await reader.openFile(file);
    try {
      return await readLabels(array, count);
    } finally {
      await array.close();
    }
  }
  const inside = await pMap(pieces, (piece) => reader.labels(piece), { concurrency: CONCURRENCY });
  if (inside.some((labels) => labels === null)) return null;
  return Int32Array.from(inside.flatMap((labels) => Array.from(labels!)));
}
