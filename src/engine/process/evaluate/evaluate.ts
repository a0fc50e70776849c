/** One model, or two side by side, over a set of samples: accuracy, agreement, noise. */
import { classNumbers } from '../../../calibration/labels/classes';
import { create } from '@bufbuild/protobuf';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Dataset } from '../../../calibration/inputs/dataset';
import type { DataSpec } from '../../../calibration/inputs/spec';
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { openDataset } from '../../../calibration/open';
import { Accuracy, Likeness } from '../../../core/metrics';
import { readModel } from '../../../onnx/files/file';
import { returning, serialize, withGraph } from '../../../onnx/graph/subgraph';
import { takeBranches } from '../../../onnx/network/branches';
import { findNetwork } from '../../../onnx/network/functions';
import type { GraphInput, Network } from '../../../onnx/network/network';
import { externalLocations, weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto, ValueInfoProtoSchema } from '../../../onnx/proto/onnx_pb';
import type { EvaluateReply, EvaluateRequest, Shard } from '../../protocol';
import { type Tally } from '../../protocol';
import { type AdaptiveSession, Devices } from '../devices/adaptiveSession';
import { branchesTaken } from '../ort/branchesTaken';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { liveActivationBytes, limitOf, limitWarnings, residentMemory } from '../ort/memory';
import { fixedBatch, sampleBytes } from '../ort/samples';
import { type Feeds, Session } from '../ort/session';
import { common, comparedNames } from '../../../onnx/network/compared';
import { type OutputPlan, planOutputs } from '../../../onnx/network/outputs';
import { isRandom, seeded } from '../../../onnx/graph/seeded';
import { isAlikeInBatch } from '../ort/alike';
import { classRows, settle } from './settle';
import { OutputSimilarity } from './similarity';
import { outcome } from '../../tally';

/** Samples per run, where the model takes several. */
const BLOCK = 32;

/** A block of inputs takes at most this many bytes. */
const BLOCK_BYTES = 64e6;

/** Samples that the noise of inner layers is measured on, and how many at a time: all their outputs are held. */
const LAYER_SAMPLES = 64;
const LAYER_BLOCK = 4;

const NO_LABELS =
  'The data has no labels, so there is no accuracy: name its folders by class, add a labels.csv of file,label or an array "labels", or give a second model to compare with.';

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function evaluate(request: EvaluateRequest, job: Job): Promise<EvaluateReply> {
  const start = performance.now();
  const { model: path, other, data } = request;
  const tight = limitWarnings(request.memoryLimit ?? 0);
  job.progress('Reading the models', 0);
  const paths = other === null ? [path] : [path, other];
  const models: ModelProto[] = [];
  // Both draw the same where they draw random numbers.
  for (const each of paths) models.push(seeded(await readModel(each)));
  const network = findNetwork(models[0], { granularity: 'layer', shapes: data.shapes });
  const dataset = await openDataset(data, network.inputs, {
    signal: job.signal,
    ...(request.allSamples ? { order: 'all' as const } : {}),
  });
  const { plan, warnings } = comparedBy(models, paths, network, data);
  const sessions: AdaptiveSession[] = [];
  try {
    const devices = await Devices.open(request.provider ?? 'cpu', job);
    for (const [i, model] of models.entries()) {
      const at = paths[i];
      const bytes = () => serialize(returning(model, comparedNames(plan)));
      sessions.push(devices.session({ bytes, folder: weightsFolder(at), model: at }));
    }
    const most = blockLimit(request, models, network, dataset);
    const pass = new Pass(
      dataset,
      { network, plan, isRandom: models.some(isRandom) },
      paths,
      most,
      job,
      request.perLayer && other !== null ? 0.8 : 1,
    );
    const { shard } = request;
    await pass.run(sessions, shard ?? { index: 0, count: 1 });
    const layers =
      request.perLayer && other !== null
        ? await layerNoise(
            await inLine(models, request, job),
            paths,
            data,
            dataset,
            layerBlock(dataset, network, pass.blockSize),
            job,
          )
        : null;
    const sizes = await Promise.all(paths.map((each, i) => bytesOf(each, models[i])));
    const described = paths.map((each, i) => ({ path: each, bytes: sizes[i] }));
    return {
      ...outcome(pass.tallies, described, pass.plan),
      provider: devices.label,
      ...(shard ? { tallies: pass.tallies, plan: pass.plan } : {}),
      blockSize: pass.blockSize,
      layers,
      seconds: Math.round(performance.now() - start) / 1000,
      synthetic: dataset.synthetic,
      dataDescription: dataset.description,
      preparation: dataset.preparation,
      warnings: [...tight, ...warnings, ...dataset.warnings, ...devices.warnings, ...pass.warnings],
    };
  } finally {
    for (const session of sessions) await session.close();
    await dataset.close();
  }
}

/**
 * What the models are compared by, told by the first of them.
 * @throws EngineFault where they have nothing in common
 */
function comparedBy(
  models: readonly ModelProto[],
  paths: readonly string[],
  network: Network,
  { outputs }: DataSpec,
): { plan: OutputPlan; warnings: string[] } {
  const found = planOutputs(models[0], network, outputs);
  const { plan, missing } = models.length < 2 ? { plan: found, missing: [] } : common(found, models[1]);
  if (models.length > 1 && plan.compared.length === 0) {
    const [a, b] = paths.map((path) => basename(path));
    throw new EngineFault(
      missing.length > 0
        ? `${a} and ${b} have no output in common; compare a model with its quantized version.`
        : `${a} has no output that could be compared: ${found.outputs.map(({ name, reason }) => `"${name}": ${reason}`).join('; ')}.`,
    );
  }
  const names = missing.map((name) => `"${name}"`).join(', ');
  const warnings =
    missing.length > 0 ? [`Not compared, since ${basename(paths[1])} does not make it: ${names}.`] : [];
  return { plan, warnings };
}

function open(path: string, model: ModelProto): Promise<Session> {
  return Session.open(serialize(model), { provider: 'cpu', folder: weightsFolder(path), model: path });
}

async function bytesOf(path: string, model: ModelProto): Promise<number> {
  let bytes = (await stat(path)).size;
  for (const location of externalLocations(model))
    bytes += (await stat(join(weightsFolder(path), location))).size;
  return bytes;
}

/** All samples, or a shard of them, through one or two models. */
class Pass {
  readonly warnings: string[] = [];
  readonly tallies: Tally[] = [];
  /** Samples per run; falls to 1 where a model turns out not to take several. */
  blockSize: number;
  /** Class numbers of the model, once its first outputs have told how many classes it has. */
  private labels: Int32Array | null;
  private numbered = false;
  /** Settled by the first block of all. */
  plan: OutputPlan;
  private isSettled = false;
  private readonly mayBatch: boolean;

  constructor(
    private readonly dataset: Dataset,
    { network, plan, isRandom }: { network: Network; plan: OutputPlan; isRandom: boolean },
    private readonly paths: readonly string[],
    most: number,
    private readonly job: Job,
    private readonly share: number,
  ) {
    this.plan = plan;
    const isFixed = fixedBatch(network.inputs, dataset.batchAxes) !== null;
    // Rows that come and go cannot be told apart by sample, nor do batches draw what single samples draw.
    const isSingle = isRandom || plan.outputs.some(({ kind }) => kind === 'rows');
    this.blockSize = isSingle && !isFixed ? 1 : blockSize(dataset, network.inputs, most);
    this.mayBatch = !isFixed;
    this.labels = dataset.labels;
    if (!this.labels && paths.length === 1) this.warnings.push(NO_LABELS);
  }

  async run(sessions: readonly AdaptiveSession[], shard: Shard): Promise<void> {
    const { dataset, job } = this;
    if (this.mayBatch && this.blockSize > 1 && dataset.size > 1 && !(await this.takesBatches(sessions))) {
      job.log('info', 'Several samples at once do not give what they give alone; they are run one by one.');
      this.blockSize = 1;
    }
    // A fixed batch that the samples do not fill is left out rather than filled up: it would count samples twice.
    const fixed = this.blockSize;
    let [start, end] = this.range(shard);
    // Every shard runs the first block, which tells how the model takes samples and what its outputs are.
    for (let from = 0; from < end;) {
      await job.checkpoint();
      job.progress('Running', (Math.max(0, from - start) / Math.max(1, end - start)) * this.share);
      const count = Math.min(this.blockSize, dataset.size - from);
      const feeds = await dataset.read(from, count);
      const outputs: Feeds[] = [];
      try {
        const left = Math.ceil((end - from) / this.blockSize);
        for (const session of sessions) outputs.push(await session.runTensors(feeds, left));
      } catch (error) {
        if (this.blockSize === 1 || !(error instanceof EngineFault)) throw error;
        if (count < fixed && from > 0) {
          this.warnings.push(
            `The last ${count} samples do not fill the batch of ${fixed} that the model fixes and were left out.`,
          );
          break;
        }
        job.log('debug', `${count} samples at once do not run: ${error.message}`);
        this.blockSize = 1;
        [start, end] = this.range(shard);
        continue;
      }
      const tally = this.tally(outputs, from, count);
      if (from >= start) this.tallies.push(tally);
      from = from < start ? start : from + count;
    }
  }

  /** Proved on two samples, on everything that is compared. */
  private async takesBatches(sessions: readonly AdaptiveSession[]): Promise<boolean> {
    const feeds = [
      await this.dataset.read(0, 2),
      await this.dataset.read(0, 1),
      await this.dataset.read(1, 1),
    ];
    try {
      for (const session of sessions) {
        const [pair, first, second] = [
          await session.runTensors(feeds[0], 0),
          await session.runTensors(feeds[1], 0),
          await session.runTensors(feeds[2], 0),
        ];
        if (!isAlikeInBatch(pair, [first, second])) return false;
      }
      return true;
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error;
      this.job.log('debug', `Two samples at once do not run: ${error.message}`);
      return false;
    }
  }

  /** Samples of the shard: whole blocks. */
  private range({ index, count }: Shard): [number, number] {
    const blocks = Math.ceil(this.dataset.size / this.blockSize);
    const at = (i: number) => Math.min(this.dataset.size, Math.floor((i * blocks) / count) * this.blockSize);
    return [at(index), at(index + 1)];
  }

  private tally(outputs: readonly Feeds[], from: number, count: number): Tally {
    const [reference, other] = outputs;
    outputs.forEach((each, i) => refuseNaN(each, this.plan, basename(this.paths[i]), from, count));
    if (!this.isSettled) this.plan = settle(this.plan, reference, count, this.labels);
    this.isSettled = true;
    const scores = this.scores(outputs, count);
    let similarity: OutputSimilarity | null = null;
    if (other) {
      const [a, b] = this.paths.map((path) => basename(path));
      similarity = new OutputSimilarity(this.plan, [a, b]);
      similarity.add(reference, other);
    }
    return {
      samples: count,
      classes: scores ? scores[0].classes : 0,
      accuracies: scores && this.right(scores, from, count),
      similarity: similarity && similarity.sums,
    };
  }

  /** Labels that name classes become the model's class numbers. */
  private numberLabels(classes: number): void {
    const { labels, classNames, classList } = this.dataset;
    if (this.numbered || !labels || !classNames) return;
    this.numbered = true;
    const { numbers, warnings } = classNumbers(classNames, classes, classList);
    this.warnings.push(...warnings);
    this.labels = numbers && labels.map((label) => numbers[label]);
  }

  /** Per model, the first scores that have one row a sample; null where no output has. */
  private scores(outputs: readonly Feeds[], count: number): ClassScores[] | null {
    const found = this.plan.compared.find(
      (one) =>
        one.kind === 'classes' &&
        one.form !== 'independent' &&
        outputs[0][one.tensor].data.length === count * classRows(one, outputs[0][one.tensor]).classes,
    );
    return found ? outputs.map((each) => classRows(found, each[found.tensor])) : null;
  }

  /** Per model; null where there are no labels that fit. */
  private right(scores: readonly ClassScores[], from: number, count: number): number[][] | null {
    const [first] = scores;
    this.numberLabels(first.classes);
    if (!this.labels) return null;
    const labels = this.labels.subarray(from, from + count);
    // All of them, so that the first block tells.
    const beyond = this.labels.find((label) => label < 0 || label >= first.classes);
    if (beyond !== undefined) {
      const model = basename(this.paths[0]);
      const message = `The data has the label ${beyond}, but ${model} has ${first.classes} classes, 0 to ${first.classes - 1}`;
      // Two models can be compared without labels.
      if (this.paths.length === 1)
        throw new EngineFault(`${message}; check the order and the numbers of the labels.`);
      this.warnings.push(`${message}; no accuracy can be given.`);
      this.labels = null;
      return null;
    }
    return scores.map(({ data, classes }) => {
      const accuracy = new Accuracy();
      accuracy.add(data, classes, labels);
      return accuracy.sums;
    });
  }
}

interface ClassScores {
  data: ArrayLike<number>;
  classes: number;
}

/** What is not a number compares with nothing, and would count as equal. */
function refuseNaN(
  outputs: Feeds,
  { compared }: OutputPlan,
  model: string,
  from: number,
  count: number,
): void {
  for (const { tensor: name } of compared) {
    const tensor = outputs[name];
    if (!isFloat(tensor.type)) continue;
    const values = numbers(tensor);
    const at = Array.prototype.findIndex.call(values, Number.isNaN);
    if (at < 0) continue;
    const sample = tensor.dims[0] === count ? from + Math.floor((at * count) / values.length) : from;
    throw new EngineFault(
      `The output "${name}" of ${model} is not a number (NaN) for sample ${sample + 1} of the data; check the data and how they are prepared.`,
    );
  }
}

/** Samples whose activations fit in the memory limit; a power of two, so that it does not change with every run. */
function blockLimit(
  { memoryLimit = 0 }: EvaluateRequest,
  models: readonly ModelProto[],
  network: Network,
  dataset: Dataset,
): number {
  const limit = limitOf(memoryLimit);
  const inputs = Object.fromEntries(network.inputs.map(({ name }) => [name, dataset.shapes[name] ?? []]));
  const weights = models.reduce((sum, model) => sum + initializerBytes(model), 0);
  const bytes = liveActivationBytes(models[0], inputs, 1, new Map());
  const budget = 0.85 * (limit - residentMemory()) - weights;
  return Math.max(1, 2 ** Math.floor(Math.log2(Math.max(1, budget / Math.max(1, bytes)))));
}

/** What sessions hold beside what the process has already. */
function initializerBytes({ graph }: ModelProto): number {
  return graph!.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
}

function blockSize(dataset: Dataset, inputs: readonly GraphInput[], most: number): number {
  const fixed = fixedBatch(inputs, dataset.batchAxes);
  if (fixed !== null) return fixed;
  const open = inputs.some(({ name }) => (dataset.batchAxes[name] ?? null) !== null);
  return open ? Math.max(1, Math.min(BLOCK, most, Math.floor(BLOCK_BYTES / sampleBytes(dataset)))) : 1;
}

function layerBlock({ batchAxes }: Dataset, { inputs }: Network, size: number): number {
  return fixedBatch(inputs, batchAxes) === null ? Math.min(size, LAYER_BLOCK) : size;
}

/** The models with the branches in line that the samples take in the first one. */
async function inLine(
  models: readonly ModelProto[],
  { model: path, data }: EvaluateRequest,
  job: Job,
): Promise<ModelProto[]> {
  const branches = data.branches ?? (await branchesTaken(path, models[0], data, job)).branches;
  return models.map((model) => takeBranches(model, branches).model);
}

/** SQNR and cosine of every function's output between the two models, on the first samples. */
async function layerNoise(
  models: readonly ModelProto[],
  paths: readonly string[],
  { shapes }: DataSpec,
  dataset: Dataset,
  size: number,
  job: Job,
): Promise<EvaluateReply['layers']> {
  const network = findNetwork(models[0], { granularity: 'layer', shapes });
  const names = [...new Set(network.functions.map(({ output }) => output))];
  const made = new Set(models[1].graph!.node.flatMap(({ output }) => output));
  const shared = names.filter((name) => made.has(name));
  // Nothing has weights to compare where the first model is a quantized one already.
  if (shared.length === 0) return [];
  const noise = new Map(shared.map((name) => [name, new Likeness()]));
  const sessions: Session[] = [];
  try {
    for (const [i, model] of models.entries()) {
      const output = shared.map((name) => create(ValueInfoProtoSchema, { name }));
      sessions.push(await open(paths[i], withGraph(model, { output })));
    }
    const last = Math.min(dataset.size, Math.max(size, LAYER_SAMPLES));
    for (let from = 0; from + size <= last || from === 0; from += size) {
      await job.checkpoint();
      job.progress('Looking into the layers', 0.8 + (0.2 * from) / last);
      const feeds = await dataset.read(from, Math.min(size, last));
      const [reference, other] = [await sessions[0].runTensors(feeds), await sessions[1].runTensors(feeds)];
      for (const [name, likeness] of noise) {
        const [a, b] = [reference[name], other[name]];
        // Their sizes depend on the data: nothing says which values belong together.
        if (a.dims.join() !== b.dims.join()) noise.delete(name);
        else likeness.add(numbers(a), numbers(b));
      }
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  return network.functions.flatMap(({ name, output }) => {
    const found = noise.get(output);
    return found ? [{ name, sqnrDb: found.sqnrDb, cosine: found.cosine }] : [];
  });
}
