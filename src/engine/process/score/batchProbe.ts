/** Finding out, with two samples, how a model takes a batch and what its functions put out. */
import { rebatch } from '../../../onnx/graph/openBatch';
import { product } from '../../../onnx/proto/dims';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { EngineFault } from '../job/faults';
import { fixedBatch, padded } from '../ort/samples';
import type { Session } from '../ort/session';
import { type HeadRequest, outputName } from './gramHeads';
import { dominance } from './grams';
import type { ScoringContext } from './scoringContext';

export interface Layout {
  /** Axis of the function's output that samples run along. */
  batchAxis: number;
  rank: number;
  /** Elements per sample (p). */
  features: number;
}

export interface BatchProbe {
  /** The model, its batch opened where that was needed and proved harmless. */
  model: ModelProto;
  /** Samples that one run takes; null: any number. */
  batch: number | null;
  /** Per function. */
  layouts: Layout[];
  /** Functions whose Gram matrix wants its centred part computed apart. */
  exact: Set<number>;
  /** The two samples' Gram matrices [2, 2] by output name; null where a batch is fixed. */
  pair: Outputs | null;
  /** Time of a run, on the device of the probe; 0 where a batch is fixed. */
  millisecondsPerSample: number;
  /** A session with the heads [gram, shape] of all functions; null where a batch is fixed. */
  session: Session | null;
}

/** Above this, the centred part of a float32 Gram matrix is computed apart (error of the ORM about 1e-6 there). */
export const DOMINANCE = 200;

/** Squared norms of a sample's features, alone and in a batch, may differ by this: kernels round differently. */
const SAME_NORM = 1e-3;

/** Lets go of the probe's session, where nothing needs it any more. */
export async function closeBatchProbe(probed: BatchProbe): Promise<void> {
  const { session } = probed;
  probed.session = null;
  await session?.close();
}

/** @throws EngineFault where the model cannot run on this data. */
export async function probeBatches(context: ScoringContext, model: ModelProto): Promise<BatchProbe> {
  const { samples, network } = context;
  const fixed = fixedBatch(network.inputs, samples.batchAxes);
  if (samples.hasBatch && samples.size > 1) {
    const attempts = [
      ...(fixed === null ? [() => model] : []),
      () => rebatch(model, samples.batchAxes, fixed ?? 1, 'copy'),
      () => rebatch(model, samples.batchAxes, fixed ?? 1, 'infer'),
    ];
    for (const [index, attempt] of attempts.entries()) {
      const changed = fixed !== null || index > 0;
      const found = await inBatches(context, attempt(), changed);
      if (found) return found;
    }
    // A model that does not run at all is refused here, and the batch is not the reason.
    const found = await oneByOne(context, model, fixed ?? 1);
    context.job.log(
      'info',
      `${context.name} does not take several samples at once; they are run one by one.`,
    );
    return found;
  }
  return oneByOne(context, model, fixed ?? 1);
}

/** Two samples at once against the same samples alone; null where the results differ or the graph does not run. */
async function inBatches(
  context: ScoringContext,
  model: ModelProto,
  changed: boolean,
): Promise<BatchProbe | null> {
  let layouts: Layout[] | null = null;
  // The second round has the heads that the first one found the layouts for.
  for (let round = 0; round < 2; round++) {
    let session: Session | null = null;
    try {
      session = await context.openHeads(model, headsFor(context, layouts, ['gram', 'shape']));
      const pair = await context.run(session, [0, 1]);
      const start = performance.now();
      const alone = [await context.run(session, [1])];
      const millisecondsPerSample = performance.now() - start;
      if (changed) alone.unshift(await context.run(session, [0]));
      const seen: (Layout | null)[] = context.network.functions.map((_, i) => layoutOf(pair, alone[0], i));
      if (seen.every((layout) => layout !== null)) {
        const settled = seen.every((layout, i) => layout.batchAxis === (layouts?.[i].batchAxis ?? 0));
        layouts = seen;
        if (settled) {
          if (!sameNorms(context, pair, alone)) break;
          const found: BatchProbe = {
            model,
            batch: null,
            layouts,
            exact: dominated(context, pair),
            pair,
            millisecondsPerSample,
            session,
          };
          session = null;
          return found;
        }
      } else break;
    } catch (error) {
      // A changed copy may be nonsense; the model itself is tried one by one, and what it says then is told.
      if (!(error instanceof EngineFault)) throw error;
      context.job.log('debug', `A batch of samples does not run: ${error.message}`);
      break;
    } finally {
      await session?.close();
    }
  }
  return null;
}

export type Outputs = Awaited<ReturnType<Session['run']>>;

const shapeOf = (outputs: Outputs, index: number): number[] =>
  Array.from(outputs[outputName('shape', index)] as BigInt64Array, Number);

/** The axis that doubles with the samples; null where none does. */
function layoutOf(pair: Outputs, alone: Outputs, index: number): Layout | null {
  const two = shapeOf(pair, index);
  const one = shapeOf(alone, index);
  if (two.length !== one.length) return null;
  const changed = two.flatMap((size, axis) => (size === one[axis] ? [] : [axis]));
  if (changed.length !== 1 || two[changed[0]] !== 2 * one[changed[0]]) return null;
  return { batchAxis: changed[0], rank: two.length, features: product(one) };
}

function sameNorms(context: ScoringContext, pair: Outputs, alone: Outputs[]): boolean {
  return context.network.functions.every(({ name }, i) =>
    alone.every((outputs, a) => {
      const sample = a + 2 - alone.length;
      const expected = (outputs[outputName('gram', i)] as Float32Array)[0];
      const got = (pair[outputName('gram', i)] as Float32Array)[sample * 3];
      // Not finite: told later, with the function's name.
      const same = !(Math.abs(got - expected) > SAME_NORM * expected);
      if (!same) {
        context.job.log(
          'debug',
          `${name}: ${got} in a batch, ${expected} alone (squared norm of sample ${sample}).`,
        );
      }
      return same;
    }),
  );
}

/** For two samples the ratio is smaller than for N by about sqrt(N / 2), where samples differ in all directions. */
function dominated(context: ScoringContext, pair: Outputs): Set<number> {
  const scale = Math.sqrt(context.samples.size / 2);
  const indices = context.network.functions.flatMap((_, i) => {
    const gram = pair[outputName('gram', i)] as Float32Array;
    return dominance(gram, 2) * scale > DOMINANCE ? [i] : [];
  });
  return new Set(indices);
}

async function oneByOne(context: ScoringContext, model: ModelProto, batch: number): Promise<BatchProbe> {
  const session = await context.openHeads(model, headsFor(context, null, ['shape']));
  try {
    const outputs = await context.run(session, padded([0], batch));
    const layouts = context.network.functions.map(({ name }, i): Layout => {
      const shape = shapeOf(outputs, i);
      const axis = batch === 1 || shape[0] % batch === 0 ? 0 : shape.indexOf(batch);
      if (axis < 0) {
        throw new EngineFault(
          `${context.name} takes ${batch} samples at once, but the output of "${name}" (${shape.join(' x ')}) has no axis for them; export the model with an open batch dimension.`,
        );
      }
      return { batchAxis: axis, rank: shape.length, features: product(shape) / batch };
    });
    // How far the mean dominates shows only when all samples have been seen.
    return {
      model,
      batch,
      layouts,
      exact: new Set(),
      pair: null,
      millisecondsPerSample: 0,
      session: null,
    };
  } finally {
    await session.close();
  }
}

/**
 * Heads of these functions, and a small one for each of `others` before the last of them: a graph in which the same outputs
 * have readers is optimized in the same way whichever functions are asked for, and so computes the same, bit for bit.
 */
export function headsOf(
  context: ScoringContext,
  layouts: readonly Layout[],
  indices: readonly number[],
  others: readonly number[],
  wants: (index: number) => HeadRequest['wants'],
): HeadRequest[] {
  const asked = new Set(indices);
  const last = Math.max(...indices);
  const read = new Set([...indices, ...others.filter((index) => index < last)]);
  return [...read]
    .sort((a, b) => a - b)
    .flatMap((index) => headsFor(context, layouts, asked.has(index) ? wants(index) : ['shape'], [index]));
}

export function headsFor(
  context: ScoringContext,
  layouts: readonly Layout[] | null,
  wants: HeadRequest['wants'],
  indices: readonly number[] = context.network.functions.map((_, i) => i),
): HeadRequest[] {
  return indices.map((index) => ({
    index,
    tensor: context.network.functions[index].output,
    batchAxis: layouts?.[index].batchAxis ?? 0,
    rank: layouts?.[index].rank ?? 0,
    wants,
  }));
}
