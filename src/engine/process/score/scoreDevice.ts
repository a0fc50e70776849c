/** Which device does the work: the fastest that computes what the CPU computes. */
import { probe } from '../devices/probe';
import { candidates, SAME_RESULT, short, unusable, WORTH_IT_MS } from '../devices/providers';
import { EngineFault } from '../job/faults';
import { deviceLabel, type ExecutionProvider, PROVIDER_NAMES, type Session } from '../ort/session';
import { outputName } from './gramHeads';
import { headsFor, type Outputs, type Surveyed } from './survey';
import type { Workbench } from './workbench';

/** Samples in the run that is timed against the CPU. */
const SLICE = 8;
export interface Chosen {
  provider: ExecutionProvider;
  device: string;
  /** Words for the user where a device was there and is not used. */
  warnings: string[];
}

/**
 * Moves a survey made on the CPU to a faster device, if there is one: its session is replaced by one there, checked on
 * the survey's own two samples and timed on a few more.
 */
export async function accelerate(
  bench: Workbench,
  surveyed: Surveyed,
  ask: typeof probe = probe,
): Promise<Chosen> {
  const cpu: Chosen = { provider: 'cpu', device: deviceLabel('cpu'), warnings: [] };
  const { pair, millisecondsPerSample, session } = surveyed;
  if (!pair || !session || millisecondsPerSample * bench.samples.size < WORTH_IT_MS) return cpu;
  for (const provider of candidates()) {
    const probed = await ask(provider);
    const reason = unusable(probed);
    if (!probed.works || reason !== null) {
      const name = probed.works ? probed.device : PROVIDER_NAMES[provider];
      bench.job.log('info', `${name} is not used: ${reason}.`);
      continue;
    }
    await bench.job.onDevice(probed.device);
    const tried = await trial(bench, surveyed, provider, pair);
    if (typeof tried !== 'string') {
      surveyed.session = tried;
      await session.close();
      return { provider, device: probed.device, warnings: [] };
    }
    await bench.job.onDevice(null);
    cpu.warnings.push(`${probed.device} was not used: ${tried}.`);
  }
  return cpu;
}

/** Words for the user where a device they insist on computes something else than the CPU. */
export async function differencesFromCpu(
  bench: Workbench,
  { model, layouts, pair }: Surveyed,
): Promise<string[]> {
  if (bench.provider === 'cpu' || !pair) return [];
  const session = await bench.openHeads(model, headsFor(bench, layouts, ['gram']), 'cpu');
  try {
    const difference = largestDifference(bench, await bench.run(session, [0, 1]), pair);
    if (difference <= SAME_RESULT) return [];
    const name = PROVIDER_NAMES[bench.provider];
    return [
      `The results on ${name} differ from the CPU's by ${(100 * difference).toFixed(1)} %; do not rely on them.`,
    ];
  } finally {
    await session.close();
  }
}

/** A session on the provider, or why not. */
async function trial(
  bench: Workbench,
  surveyed: Surveyed,
  provider: ExecutionProvider,
  pair: Outputs,
): Promise<Session | string> {
  let session: Session | undefined;
  try {
    session = await bench.openHeads(
      surveyed.model,
      headsFor(bench, surveyed.layouts, ['gram', 'shape']),
      provider,
    );
    const begin = performance.now();
    const difference = largestDifference(bench, pair, await bench.run(session, [0, 1]));
    const first = performance.now() - begin;
    if (difference > SAME_RESULT) {
      return await dismiss(
        session,
        `its results differ from the CPU's by ${(100 * difference).toFixed(1)} %`,
      );
    }
    if (first > surveyed.millisecondsPerSample * bench.samples.size) {
      return await dismiss(
        session,
        `two samples take it ${(first / 1000).toFixed(1)} s, longer than the CPU for all`,
      );
    }
    const slice = Array.from({ length: Math.min(SLICE, bench.samples.size) }, (_, i) => i);
    // The first run compiles the kernels for these sizes.
    await bench.run(session, slice);
    const start = performance.now();
    await bench.run(session, slice);
    const perSample = (performance.now() - start) / slice.length;
    const times = `${perSample.toFixed(1)} ms a sample, the CPU ${surveyed.millisecondsPerSample.toFixed(1)} ms`;
    bench.job.log('info', `${PROVIDER_NAMES[provider]}: ${times}.`);
    if (perSample > surveyed.millisecondsPerSample) return await dismiss(session, `it is slower (${times})`);
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
function largestDifference(bench: Workbench, expected: Outputs, got: Outputs): number {
  let worst = 0;
  bench.network.functions.forEach((_, i) => {
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
