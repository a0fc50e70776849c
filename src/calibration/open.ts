/** Opens calibration and evaluation data of every kind, and chooses samples from it. */
import { readClassList } from './labels/classes';
import { openArrayFolder } from './numpy/arrayFolder';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { GraphInput } from '../onnx/network/network';
import { openNpy, openNpz } from './numpy/arrays';
import type { Dataset } from './inputs/dataset';
import { cannotRead, DataError } from './inputs/errors';
import { openPictures } from './pictures/pictures';
import { shuffledIndices } from '../common/random';
import { checkFixed, withFixed } from './inputs/fixedInputs';
import { resolveInputs, type InputSpec } from './inputs/inputShapes';
import type { OpenContext, OpenOptions, Source } from './inputs/source';
import type { DataSpec } from './inputs/spec';
import { openSynthetic } from './synthetic/synthetic';
import { findTestSets, openTestSets } from './testSets/testSets';
import { isArray, isPicture, listFiles } from './inputs/walk';

export { describeInputs } from './inputs/inputShapes';
export type { OpenOptions } from './inputs/source';

const DEFAULT_MAX_BYTES = 2 * 1024 ** 3;

/**
 * Opens data for a model and chooses samples from it. By default `spec.samples` are taken by a shuffle that depends on
 * the seed and the names of the files alone; with order 'all' or samples Infinity, every sample comes in the data's own order, to be read
 * front to back with bounded memory.
 * @param inputs what the model must be fed: its graph inputs that are no initializers.
 * @throws DataError: one sentence that names the file, what is wrong and what to do.
 */
export async function openDataset(
  spec: DataSpec,
  inputs: readonly GraphInput[],
  options: OpenOptions = {},
): Promise<Dataset> {
  options.signal?.throwIfAborted();
  if (inputs.length === 0) throw new DataError('The model has no inputs to feed.');
  const inOrder = options.order === 'all' || spec.samples === Infinity;
  checkFixed(inputs, spec.values ?? {});
  const specs = resolveInputs(inputs, spec.shapes);
  const whole: OpenContext = {
    inputs,
    specs,
    maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
    inOrder,
    atMost: options.atMost ?? false,
    decoded: options.decoded,
    signal: options.signal,
    progress: options.progress ?? (() => {}),
  };
  const synthetic = spec.path === null;
  const { source, context } = await openSource(spec, whole);
  if (source.count === 0) throw new DataError(`${spec.path} holds no samples; give data with at least one.`);
  const asked = inOrder ? Infinity : spec.samples;
  if (!(asked >= 1)) throw new DataError(`${asked} samples were asked for; ask for at least one.`);
  return choose(source, synthetic, asked, spec, context);
}

/**
 * Where one input has no axis for samples (the edges of a graph, beside its nodes) and differs from sample to sample, none
 * has: every file, entry or set is one sample, fed alone.
 */
async function openSource(
  spec: DataSpec,
  context: OpenContext,
): Promise<{ source: Source; context: OpenContext }> {
  const { path } = spec;
  if (path === null) return { source: openSynthetic(spec, context), context };
  try {
    return { source: await openWithFixed(path, spec, context), context };
  } catch (error) {
    const { specs } = context;
    const isMixed =
      specs.some(({ batchAxis }) => batchAxis !== null) &&
      specs.some(({ batchAxis, shape }) => batchAxis === null && shape.length > 0);
    if (!(error instanceof DataError) || !isMixed) throw error;
    const alone = { ...context, specs: specs.map((each) => ({ ...each, batchAxis: null })) };
    try {
      return { source: await openWithFixed(path, spec, alone), context: alone };
    } catch {
      throw error;
    }
  }
}

async function choose(
  source: Source,
  synthetic: boolean,
  asked: number,
  spec: DataSpec,
  context: OpenContext,
): Promise<Dataset> {
  const wanted = Math.min(asked, synthetic ? (Number.isFinite(asked) ? asked : spec.samples) : source.count);
  // Made-up samples are all alike: there is nothing to choose from.
  const natural = context.inOrder || synthetic;
  const order = natural
    ? Array.from({ length: synthetic ? wanted : source.count }, (_, i) => i)
    : shuffledIndices(source.count, spec.seed);
  const chosen = await source.choose(order, wanted);
  const size = chosen.indices.length;
  const warnings = [...source.warnings, ...chosen.warnings];
  if (Number.isFinite(asked) && size < asked && !context.atMost) {
    warnings.push(
      `Only ${size} of the ${asked} samples asked for are there; scores of fewer samples are less certain.`,
    );
  }
  const { labels } = source;
  const axes = Object.fromEntries(context.specs.map(({ name, batchAxis }) => [name, batchAxis]));
  const single = Object.values(axes).every((axis) => axis === null);
  return {
    description: synthetic
      ? `synthetic input (seed ${spec.seed})`
      : `${size === source.count ? size : `${size} of ${source.count}`} ${source.noun}`,
    synthetic,
    size,
    labels: labels && Int32Array.from(chosen.indices, (index) => labels[index]),
    classNames: source.classNames,
    classList: spec.classes === undefined ? (source.classList ?? null) : await readClassList(spec.classes),
    ...(chosen.preparation === undefined ? {} : { preparation: chosen.preparation }),
    warnings,
    shapes: chosen.shapes,
    batchAxes: axes,
    async read(start, count) {
      context.signal?.throwIfAborted();
      if (!(start >= 0 && count >= 1 && start + count <= size) || (single && count > 1)) {
        throw new RangeError(
          `samples ${start} to ${start + count} of ${size}${single ? ', fed one by one' : ''}`,
        );
      }
      return chosen.read(start, count);
    },
    close: () => chosen.close(),
  };
}

/** The data need not hold the inputs that have one value. */
async function openWithFixed(path: string, spec: DataSpec, context: OpenContext): Promise<Source> {
  const { values = {} } = spec;
  const isFixed = ({ name }: InputSpec) => Object.hasOwn(values, name);
  const specs = context.specs.filter((each) => !isFixed(each));
  if (specs.length === 0) {
    const names = context.specs.map(({ name }) => name).join(', ');
    throw new DataError(
      `Every input of the model has one value for all samples (${names}): that leaves ${path} no input to feed; give a value (--value) only to inputs that the data do not hold.`,
    );
  }
  return withFixed(await openPath(path, spec, { ...context, specs }), context.specs.filter(isFixed), values);
}

/** Whether `path` is a folder that is read as pictures; false for one that cannot be read. */
export async function holdsPictures(path: string, signal?: AbortSignal): Promise<boolean> {
  try {
    if (!(await stat(path)).isDirectory() || (await findTestSets(path)).length > 0) return false;
    return (await listFiles(path, signal)).files.some(isPicture);
  } catch (error) {
    if (signal?.aborted) throw error;
    return false;
  }
}

/** Whether `path` looks like something that feeds a model: pictures, arrays or test sets. */
export async function holdsData(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isDirectory()) return isArray(path);
    if ((await findTestSets(path)).length > 0) return true;
    return (await listFiles(path)).files.some((file) => isPicture(file) || isArray(file));
  } catch {
    return false;
  }
}

async function openPath(path: string, spec: DataSpec, context: OpenContext): Promise<Source> {
  let folder: boolean;
  try {
    folder = (await stat(path)).isDirectory();
    if (folder) {
      const sets = await findTestSets(path);
      if (sets.length > 0) return await openTestSets(path, sets, context);
    }
  } catch (error) {
    if (context.signal?.aborted) throw error;
    throw cannotRead(path, error);
  }
  if (folder) {
    const listing = await listFiles(path, context.signal);
    return listing.files.some(isPicture) || !listing.files.some(isArray)
      ? openPictures(path, listing, context, spec.preprocessing)
      : openArrayFolder(path, listing, context);
  }
  const extension = extname(path).toLowerCase();
  if (extension === '.npy') return openNpy(path, context);
  if (extension === '.npz') return openNpz(path, context);
  if (isPicture(path)) {
    throw new DataError(`${path} is a single picture; give the folder that holds it, with about 64 of them.`);
  }
  throw new DataError(
    `${path} is no data that can be read; give a folder of pictures or of .npy files, a .npy, a .npz or a folder with test_data_set_*.`,
  );
}
