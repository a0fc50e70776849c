/** Which device does the work: the fastest that computes what the CPU computes. */
import { probe } from '../devices/probe';
import { type Device, devicesToTry, SAME_RESULT, short, WORTH_IT_MS } from '../devices/providers';
import { EngineFault } from '../job/faults';
import { deviceLabel, type ExecutionProvider, PROVIDER_NAMES, type Session } from '../ort/session';
import { type BatchProbe, headsFor, type Outputs } from './batchProbe';
import { outputName } from './gramHeads';
import type { ScoringContext } from './scoringContext';

/** Samples in the run that is timed against the CPU. */
const SLICE = 8;
export interface Chosen extends Device {
  /** Words for the user where a device was there and is not used. */
  warnings: string[];
}

/**
 * Moves a probe made on the CPU to a faster device, if there is one: its session is replaced by one there, checked on
 * the probe's own two samples and timed on a few more.
 */
export async function moveToFasterDevice(
  context: ScoringContext,
  probed: BatchProbe,
  ask: typeof probe = probe,
): Promise<Chosen> {
  const cpu: Chosen = { provider: 'cpu', device: deviceLabel('cpu'), warnings: [] };
  const { pair, millisecondsPerSample, session } = probed;
  if (!pair || !session || millisecondsPerSample * context.samples.size < WORTH_IT_MS) return cpu;
  for await (const { provider, device } of devicesToTry(context.job, ask)) {
    await context.job.onDevice(device);
    const tried = await trial(context, probed, provider, pair);
    if (typeof tried !== 'string') {
      probed.session = tried;
      await session.close();
      return { provider, device, warnings: [] };
    }
    await context.job.onDevice(null);
    cpu.warnings.push(`${device} was not used: ${tried}.`);
  }
  return cpu;
}

/** Words for the user where a device they insist on computes something else than the CPU. */
export async function differencesFromCpu(
  context: ScoringContext,
  { model, layouts, pair }: BatchProbe,
): Promise<string[]> {
  if (context.provider === 'cpu' || !pair) return [];
  const session = await context.openHeads(model, headsFor(context, layouts, ['gram']), 'cpu');
  try {
    const difference = largestDifference(context, await context.run(session, [0, 1]), pair);
    if (difference <= SAME_RESULT) return [];
    const name = PROVIDER_NAMES[context.provider];
    return [
      `The results on ${name} differ from the CPU's by ${(100 * difference).toFixed(1)} %; do not rely on them.`,
    ];
  } finally {
    await session.close();
  }
}

/** A session on the provider, or why not. */
async function trial(
  context: ScoringContext,
  probed: BatchProbe,
  provider: ExecutionProvider,
  pair: Outputs,
): Promise<Session | string> {
  let session: Session | undefined;
  try {
    session = await context.openHeads(
      probed.model,
      headsFor(context, probed.layouts, ['gram', 'shape']),
      provider,
    );
    const begin = performance.now();
    const difference = largestDifference(context, pair, await context.run(session, [0, 1]));
    const first = performance.now() - begin;
    if (difference > SAME_RESULT) {
      return await dismiss(
        session,
        `its results differ from the CPU's by ${(100 * difference).toFixed(1)} %`,
      );
    }
    if (first > probed.millisecondsPerSample * context.samples.size) {
      return await dismiss(
        session,
        `two samples take it ${(first / 1000).toFixed(1)} s, longer than the CPU for all`,
      );
    }
    const slice = Array.from({ length: Math.min(SLICE, context.samples.size) }, (_, i) => i);
    // The first run compiles the kernels for these sizes.
    await context.run(session, slice);
    const start = performance.now();
    await context.run(session, slice);
    const perSample = (performance.now() - start) / slice.length;
    const times = `${perSample.toFixed(1)} ms a sample, the CPU ${probed.millisecondsPerSample.toFixed(1)} ms`;
    context.job.log('info', `${PROVIDER_NAMES[provider]}: ${times}.`);
    if (perSample > probed.millisecondsPerSample) return await dismiss(session, `it is slower (${times})`);
    return session;
  } catch (error) {
    if (!(error instanceof EngineFault)) throw error;
    return dismiss(session, short(error.message));
  }
}

async function dismiss(session: Session | undefined, reason: string): Promise<string> {
  await session?.close();
  return reason;
}

/** Largest difference of Gram entries over the functions, relative to each function's largest entry. */
function largestDifference(context: ScoringContext, expected: Outputs, got: Outputs): number {
  let worst = 0;
  context.network.functions.forEach((_, i) => {
    const a = expected[outputName('gram', i)] as Float32Array;
    const b = got[outputName('gram', i)] as Float32Array;
    const scale = a.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    a.forEach((value, k) => {
      const difference = Math.abs(value - b[k]) / (scale || 1);
      worst = Math.max(worst, Number.isFinite(difference) ? difference : Infinity);
    });
  });
  return worst;
}
