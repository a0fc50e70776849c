/** Calibration inputs through the network, Gram matrices out (Ma et al., OMPQ, section 3.2). */
import type { Dataset } from '../../../calibration/inputs/dataset';
import { isAllAlike } from '../../../core/scoring/orthogonality';
import type { Network } from '../../../onnx/network/network';
import { externalLocations, externalPath } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { ScoreReply, ScoreRequest, Shard } from '../../protocol';
import { insist } from '../devices/providers';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { findDamage } from '../ort/damagedWeights';
import { limitOf, liveActivationBytes, megabytes, residentMemory } from '../ort/memory';
import { Samples } from '../ort/samples';
import { deviceLabel, onnxRuntime } from '../ort/session';
import { DATA_STEP, withModel } from '../ort/withModel';
import { type BatchProbe, closeBatchProbe, DOMINANCE, probeBatches } from './batchProbe';
import { Grams, NotFinite } from './grams';
import { choosePlan, leastBytes, type Load, type Plan } from './plan';
import { runPlan } from './runPlan';
import { type Chosen, differencesFromCpu, moveToFasterDevice } from './scoreDevice';
import { ScoringContext } from './scoringContext';

/** Where each step begins on the progress bar. */
const STEP = { data: DATA_STEP, probe: 0.2, score: 0.3 };

/** Functions whose mean turns out to dominate more than the probe said are scored again above this (error 6e-6). */
const SECOND_LOOK = 5 * DOMINANCE;

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function score(request: ScoreRequest, job: Job): Promise<ScoreReply> {
  const start = performance.now();
  return withModel(request, job, async ({ model, network, dataset }) => {
    // Refused here in our words; ONNX Runtime would refuse them, too.
    for (const location of externalLocations(model)) await externalPath(request.model, location);
    await onnxRuntime();
    try {
      return await scoreOn(dataset, { request, model, network, job, start });
    } catch (error) {
      // The data is not to blame where a weight is no number.
      if (error instanceof NotFinite) await findDamage(model, network, request.model);
      throw error;
    }
  });
}

interface Work {
  request: ScoreRequest;
  model: ModelProto;
  network: Network;
  job: Job;
  start: number;
}

async function scoreOn(dataset: Dataset, { request, model, network, job, start }: Work): Promise<ScoreReply> {
  const limit = limitOf(request.memoryLimit);
  const samples = await Samples.open(dataset, limit / 8, job, (share) =>
    job.progress('Reading samples', STEP.data + share * (STEP.probe - STEP.data)),
  );
  job.progress('Looking at the functions', STEP.probe);
  // What the user insists on has to start; otherwise the CPU looks first, and hands over where that pays.
  const forced = request.provider === 'auto' ? null : request.provider;
  const insisted = forced && (await insist(forced));
  if (forced !== 'cpu') await job.onDevice(insisted);
  const context = new ScoringContext(request.model, network, samples, forced ?? 'cpu', job);
  const prepared = performance.now();
  context.roomy = isRoomy(context, model, limit);
  const probed = await probeBatches(context, model);
  const chosen: Chosen =
    forced && insisted
      ? { provider: forced, device: insisted, warnings: await differencesFromCpu(context, probed) }
      : await moveToFasterDevice(context, probed);
  context.provider = chosen.provider;
  const [from, to] = functionsOf(request.shard, probed);
  const wanted = Array.from({ length: to - from }, (_, i) => from + i);
  let done: Done;
  try {
    done = await gramsOn(context, probed, wanted, request.memoryLimit, limit);
  } catch (error) {
    if (forced || chosen.provider === 'cpu' || !(error instanceof EngineFault)) throw error;
    await closeBatchProbe(probed);
    await job.onDevice(null);
    chosen.warnings.push(`${chosen.device} failed and the CPU did the work: ${error.message}`);
    context.provider = 'cpu';
    chosen.device = deviceLabel('cpu');
    done = await gramsOn(context, probed, wanted, request.memoryLimit, limit);
  } finally {
    await closeBatchProbe(probed);
  }
  job.progress('Scoring', 1);
  const seconds = (milliseconds: number) => Math.round(milliseconds) / 1000;
  const load = prepared - start + context.loading;
  const took = performance.now() - start;
  const { running, moving } = context.clock;
  job.log(
    'info',
    `Scored ${wanted.length} functions of ${context.name} on ${chosen.device}: ${seconds(context.loading)} s in creating sessions, ${seconds(running)} s in forward passes and Gram products, ${seconds(moving)} s in moving samples in and results out, ${seconds(prepared - start)} s in reading model and data, ${seconds(took - load - running - moving)} s in the rest.`,
  );
  const grams = done.grams.finish().slice(from * samples.size ** 2, to * samples.size ** 2);
  return {
    samples: samples.size,
    grams,
    part: request.shard && { from, to, plan: done.plan },
    provider: chosen.device,
    seconds: { load: seconds(load), score: seconds(took - load) },
    synthetic: dataset.synthetic,
    dataDescription: dataset.description,
    preparation: dataset.preparation,
    warnings: [...dataset.warnings, ...chosen.warnings, ...alikeWarning(grams, samples.size)],
  };
}

/** Inputs that no function can tell apart: zeros, or one and the same again and again. */
function alikeWarning(grams: Float64Array, samples: number): string[] {
  if (grams.length === 0 || samples < 2 || !isAllAlike(grams, samples)) return [];
  return [
    `All ${samples} calibration samples lead to the same outputs (are they all zeros, or copies of one?): the scores mean nothing. Give different inputs.`,
  ];
}

interface Done {
  grams: Grams;
  /** Equal where the same passes were made. */
  plan: string;
}

/** The functions of a shard, [from, to): those with its share of the features, since Gram products grow with these. */
function functionsOf(shard: Shard | undefined, { layouts }: BatchProbe): [number, number] {
  if (!shard) return [0, layouts.length];
  const all = layouts.reduce((sum, { features }) => sum + features, 0);
  const edge = (i: number): number => {
    if (i === shard.count) return layouts.length;
    let sum = 0;
    return layouts.findIndex(({ features }) => (sum += features) > (all * i) / shard.count);
  };
  return [edge(shard.index), edge(shard.index + 1)];
}

/** @param asked memory limit that the user gave; 0: none */
async function gramsOn(
  context: ScoringContext,
  probed: BatchProbe,
  wanted: readonly number[],
  asked: number,
  limit: number,
): Promise<Done> {
  const { job } = context;
  const load = loadOf(context, probed, limit);
  if (asked > 0) refuseTooSmall(context, load, limit);
  const plan = choosePlan(load);
  job.log('info', describePlan(context, load, plan, probed));
  if (context.roomy && plan.kind !== 'once') {
    context.roomy = false;
    await closeBatchProbe(probed);
  }
  const grams = new Grams(context.functionNames, context.samples.size, context.name);
  job.progress('Scoring', STEP.score);
  const onProgress = (share: number) => job.progress('Scoring', STEP.score + share * (0.98 - STEP.score));
  if (wanted.length > 0) await runPlan(context, probed, plan, wanted, grams, onProgress);
  const again = wanted.filter((index) => !probed.exact.has(index) && grams.dominance(index) > SECOND_LOOK);
  if (again.length > 0) {
    job.log('info', `${again.length} functions whose mean dominates are scored again, centred first.`);
    grams.clear(again);
    await closeBatchProbe(probed);
    await runPlan(context, { ...probed, exact: new Set(again) }, plan, again, grams, () => undefined);
  }
  return { grams, plan: JSON.stringify(plan) };
}

/** Is there three times the memory that one pass over all samples takes, as far as shapes can be known beforehand? */
function isRoomy(context: ScoringContext, model: ModelProto, limit: number): boolean {
  const { functions } = context.network;
  if (functions.some(({ shape }) => shape === null)) return false;
  const heads = new Map(functions.map(({ output }) => [output, null]));
  const bytes = liveActivationBytes(model, context.samples.shapes(1), 1, heads);
  return bytes > 0 && 3 * bytes * context.samples.size < limit - residentMemory();
}

function loadOf(context: ScoringContext, { model, batch, layouts }: BatchProbe, limit: number): Load {
  const count = batch ?? 2;
  const heads = new Map(
    layouts.map(({ features }, index) => [context.network.functions[index].output, features]),
  );
  const inputs = context.samples.shapes(count);
  return {
    samples: context.samples.size,
    batch,
    activationBytes: Math.max(1, liveActivationBytes(model, inputs, count, heads)),
    features: layouts.reduce((sum, { features }) => sum + features, 0),
    // The rest is for what the estimate does not see: the allocator's gaps, garbage between two runs.
    budget: 0.85 * (limit - residentMemory()),
  };
}

function refuseTooSmall(context: ScoringContext, load: Load, limit: number): void {
  const least = leastBytes(load);
  if (least <= load.budget) return;
  const needed = limit - load.budget + least;
  throw new EngineFault(
    `The memory limit of ${megabytes(limit)} is too small for ${context.name}: one sample at a time takes about ${megabytes(needed)}; raise the limit or use smaller inputs.`,
  );
}

function describePlan(context: ScoringContext, load: Load, plan: Plan, { exact }: BatchProbe): string {
  const { samples, activationBytes: bytes, budget } = load;
  const passes = {
    once: 'all at once',
    pairs: `in pairs of blocks of ${plan.kind === 'pairs' ? plan.blockSize : 0}`,
    columns: 'by collected features',
  }[plan.kind];
  const apart = exact.size > 0 ? `; ${exact.size} functions are centred before the product` : '';
  return `${context.name}: ${samples} samples ${passes} (about ${megabytes(bytes)} per sample, ${megabytes(Math.max(0, budget))} to be had)${apart}.`;
}
