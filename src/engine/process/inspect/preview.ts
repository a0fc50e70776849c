/** What a model sees of its pictures under several preprocessings, and what it then answers: the check of a guess. */
import type { Dataset } from '../../../calibration/inputs/dataset';
import { DataError } from '../../../calibration/inputs/errors';
import { resolveInputs, type InputSpec } from '../../../calibration/inputs/inputShapes';
import { PRESET_NAMES, type Preprocessing } from '../../../calibration/inputs/spec';
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { classNumbers } from '../../../calibration/labels/classes';
import { guessPreprocessing, type PreprocessingGuess } from '../../../calibration/pictures/guess';
import {
  normalization,
  pictureLayout,
  type PictureLayout,
} from '../../../calibration/pictures/preprocessing';
import { argMax, logsOf, logSoftmax } from '../../../core/metrics';
import { Graph } from '../../../onnx/graph/graph';
import { seeded } from '../../../onnx/graph/seeded';
import { returning, serialize } from '../../../onnx/graph/subgraph';
import { comparedNames } from '../../../onnx/network/compared';
import { inputScale } from '../../../onnx/network/inputScale';
import { planOutputs, type OutputPlan } from '../../../onnx/network/outputs';
import { weightsFolder } from '../../../onnx/proto/external';
import type { PreviewedChoice, PreviewReply, PreviewRequest } from '../../protocol';
import { classRows, settle } from '../evaluate/settle';
import type { Job } from '../job/job';
import { fixedBatch, padded, Samples } from '../ort/samples';
import { type Feeds, RunFault, Session } from '../ort/session';
import { openNetwork, withDataset } from '../ort/withModel';

/** Answers told of each picture. */
const TOP = 3;
/** Bytes of samples that are held. */
const HELD = 256e6;
/** Largest side of a picture that is shown, in pixels. */
const SHOWN = 224;

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function preview(request: PreviewRequest, job: Job): Promise<PreviewReply> {
  const { model: path, data } = request;
  const { original, network } = await openNetwork(path, { shapes: data.shapes }, job);
  const [spec] = resolveInputs(network.inputs, data.shapes);
  const layout = network.inputs.length === 1 ? pictureLayout(spec, data.preprocessing.layout) : null;
  if (!layout) throw new DataError(`${path} does not take pictures.`);
  const guess = await guessPreprocessing({
    model: path,
    producer: original.producerName,
    metadata: Object.fromEntries(original.metadataProps.map(({ key, value }) => [key, value])),
    isInteger: !isFloat(spec.type),
    height: spec.shape[layout.heightAxis],
    width: spec.shape[layout.widthAxis],
    channels: layout.channels,
    scale: inputScale(new Graph(original.graph!), spec.name),
  });
  if (request.choices?.length === 0) return { guess, choices: [] };
  const plan = planOutputs(original, network, data.outputs);
  const session = await Session.open(serialize(returning(seeded(original), comparedNames(plan))), {
    provider: 'cpu',
    folder: weightsFolder(path),
    model: path,
  });
  try {
    const asked = request.choices ?? choicesFor(guess, spec);
    const choices: PreviewedChoice[] = [];
    for (const [i, preprocessing] of asked.entries()) {
      job.progress('Running the float model', i / asked.length);
      const work = (dataset: Dataset) =>
        tried({ dataset, session, plan, spec, preprocessing, network, job }, request);
      try {
        choices.push(await withDataset({ ...data, preprocessing }, network, job, work, { atMost: true }));
      } catch (error) {
        if (!(error instanceof DataError || error instanceof RunFault)) throw error;
        choices.push({ ...NOTHING, preprocessing, problem: error.message });
      }
    }
    return { guess, choices };
  } finally {
    await session.close();
  }
}

const NOTHING = { problem: null, preparation: '', range: null, pictures: [], decided: null, right: null };

/** The guess, and every preset beside it. */
function choicesFor({ preprocessing }: PreprocessingGuess, { type }: InputSpec): Preprocessing[] {
  const presets = isFloat(type) ? PRESET_NAMES : (['raw'] as const);
  const isPlain = Object.keys(preprocessing).length === 1;
  const others = presets.filter((preset) => !isPlain || preset !== preprocessing.preset);
  return [preprocessing, ...others.map((preset): Preprocessing => ({ preset }))];
}

interface Trial {
  dataset: Dataset;
  session: Session;
  plan: OutputPlan;
  spec: InputSpec;
  preprocessing: Preprocessing;
  network: { inputs: Parameters<typeof fixedBatch>[0] };
  job: Job;
}

async function tried(trial: Trial, { pictures: shown }: PreviewRequest): Promise<PreviewedChoice> {
  const { dataset, session, spec, preprocessing, network, job } = trial;
  const samples = await Samples.open(dataset, HELD, job, () => undefined);
  const batch = fixedBatch(network.inputs, samples.batchAxes) ?? 1;
  const layout = pictureLayout(spec, preprocessing.layout)!;
  const range = { least: Infinity, most: -Infinity };
  const pictures: PreviewedChoice['pictures'] = [];
  const rows: Float64Array[] = [];
  for (let i = 0; i < samples.size; i++) {
    await job.checkpoint();
    const feeds = await samples.take([i]);
    const values = numbers(feeds[spec.name]);
    for (let at = 0; at < values.length; at++) {
      range.least = Math.min(range.least, values[at]);
      range.most = Math.max(range.most, values[at]);
    }
    const outputs = await session.runTensors(batch === 1 ? feeds : await samples.take(padded([i], batch)));
    const row = probabilities(trial.plan, outputs, batch);
    if (row) rows.push(row);
    if (i >= shown) continue;
    const png = await asPng(feeds[spec.name].dims, values, layout, trial);
    pictures.push({ png, answers: row ? topOf(row) : [] });
  }
  return {
    preprocessing,
    problem: null,
    preparation: dataset.preparation ?? '',
    range: [range.least, range.most],
    pictures,
    decided: decidedness(rows),
    right: rightAnswers(rows, dataset),
  };
}

/** Of the first sample, over classes; null where the model's outputs are no such thing. */
function probabilities(plan: OutputPlan, outputs: Feeds, batch: number): Float64Array | null {
  const settled = settle(plan, outputs, batch);
  for (const one of settled.compared) {
    if (one.kind !== 'classes' || one.form === 'independent') continue;
    const { data, classes } = classRows(one, outputs[one.tensor]);
    if (data.length !== classes * batch) continue;
    const logs = one.form === 'probabilities' ? logsOf(data, 0, classes) : logSoftmax(data, 0, classes);
    return logs.map(Math.exp);
  }
  return null;
}

function topOf(row: Float64Array): { index: number; share: number }[] {
  const order = Array.from(row, (share, index) => ({ index, share })).sort((a, b) => b.share - a.share);
  return order.slice(0, TOP);
}

/**
 * How much the answers tell of which picture was seen, 0..1: the entropy of the mean answer less the mean entropy, as a
 * share of the most there could be. A model that is fed wrongly either hesitates or says the same of everything.
 */
function decidedness(rows: readonly Float64Array[]): number | null {
  if (rows.length < 2 || rows.some((row) => row.length !== rows[0].length)) return null;
  const mean = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  const own = rows.reduce((sum, row) => sum + entropy(row), 0) / rows.length;
  return Math.max(0, (entropy(mean) - own) / Math.log(Math.min(rows.length, rows[0].length)));
}

function entropy(row: Float64Array): number {
  return row.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

function rightAnswers(rows: readonly Float64Array[], dataset: Dataset): PreviewedChoice['right'] {
  const { labels, classNames, classList } = dataset;
  if (!labels || rows.length === 0) return null;
  const numbered = classNames ? classNumbers(classNames, rows[0].length, classList).numbers : null;
  if (classNames && !numbered) return null;
  const truth = (i: number): number => (numbered ? numbered[labels[i]] : labels[i]);
  return { count: rows.filter((row, i) => argMax(row, 0, row.length) === truth(i)).length, of: rows.length };
}

/** The values of one sample as a picture again: cut out, scaled and in the order of channels that the model is given. */
async function asPng(
  dims: readonly number[],
  values: ArrayLike<number>,
  layout: PictureLayout,
  { preprocessing, spec }: Trial,
): Promise<Uint8Array> {
  const [height, width] = [dims[layout.heightAxis], dims[layout.widthAxis]];
  const { channels } = layout;
  const { mean, std } = normalization(preprocessing, channels);
  const isFirst = layout.channelAxis !== null && layout.channelAxis < layout.heightAxis;
  const area = height * width;
  const drawn = channels === 1 ? 1 : 3;
  const pixels = new Uint8Array(area * drawn);
  for (let c = 0; c < drawn; c++) {
    for (let i = 0; i < area; i++) {
      const value = values[isFirst ? c * area + i : i * channels + c];
      pixels[i * drawn + c] = isFloat(spec.type) ? Math.round(255 * (value * std[c] + mean[c])) : value;
    }
  }
  // native: loaded where it is needed
  const { default: sharp } = await import('sharp');
  const picture = sharp(pixels, { raw: { height, width, channels: drawn } });
  return picture.resize({ width: SHOWN, height: SHOWN, fit: 'inside', kernel: 'nearest' }).png().toBuffer();
}
