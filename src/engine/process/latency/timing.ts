/** Runs of a network, and what of them each function takes. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { weightsFolder } from '../../../onnx/proto/external';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { type Feeds, Session } from '../ort/session';
import { ownerOf, type Owners } from './owners';

/** Runs before those that count: threads start, caches fill. */
const WARM_UP = 5;

/** How a profile ends the names of what computes. */
const KERNEL = '_kernel_time';

/** Runs are taken in turns, so that what else the machine does meets both networks. */
const ROUNDS = 3;

interface Timing {
  feeds: Feeds;
  /** Samples in them. */
  batch: number;
  runs: number;
  scratch: string;
  owners: Owners;
  job: Job;
}

/** Milliseconds for one sample. */
export interface Times {
  whole: number;
  /** By function: those whose layers are seen in the profile. */
  functions: Map<number, number>;
}

interface Runnable {
  bytes: Uint8Array;
  path: string;
}

export async function timed(networks: readonly Runnable[], timing: Timing): Promise<Times[]> {
  const { job, runs, batch } = timing;
  // Writing a profile takes time of its own, so the whole is timed without.
  const all = networks.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, network] of networks.entries()) {
      job.progress('Timing the network', 0.3 + (0.5 * (round + i / networks.length)) / ROUNDS);
      all[i].push(...(await run(network, Math.ceil(runs / ROUNDS), timing)));
    }
  }
  const found: Times[] = [];
  for (const [i, network] of networks.entries()) {
    job.progress('Timing its functions', 0.8 + (0.2 * i) / networks.length);
    const whole = median(all[i]) / batch;
    found.push({ whole, functions: await shares(network, timing, whole) });
  }
  return found;
}

/** What of the whole every function takes, by ONNX Runtime's own profile. */
async function shares(network: Runnable, timing: Timing, whole: number): Promise<Map<number, number>> {
  const { runs, scratch, owners } = timing;
  await run(network, runs, timing, join(scratch, 'profile'));
  const [profile] = (await readdir(scratch)).filter((name) => name.startsWith('profile'));
  if (!profile)
    throw new EngineFault('ONNX Runtime wrote no profile: is the folder for temporary files full?');
  const events = JSON.parse(await readFile(join(scratch, profile), 'utf8')) as Event[];
  await rm(join(scratch, profile));
  const profiled = events.filter(({ cat, name }) => cat === 'Session' && name === 'model_run');
  const perMicrosecond = whole / median(profiled.slice(-runs).map(({ dur }) => dur));
  const kernels = new Map<string, { owner: number; durations: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith(KERNEL)) continue;
    const owner = ownerOf(name.slice(0, -KERNEL.length), owners);
    if (owner === undefined) continue;
    const key = `${name} ${args?.node_index}`;
    const kernel = kernels.get(key) ?? { owner, durations: [] };
    kernel.durations.push(dur);
    kernels.set(key, kernel);
  }
  const functions = new Map<number, number>();
  for (const { owner, durations } of kernels.values()) {
    const time = median(durations.slice(-runs)) * perMicrosecond;
    functions.set(owner, (functions.get(owner) ?? 0) + time);
  }
  return functions;
}

/** Milliseconds of every run. */
async function run(
  { bytes, path }: Runnable,
  runs: number,
  { feeds, job }: Timing,
  profile?: string,
): Promise<number[]> {
  await job.checkpoint();
  const session = await Session.open(bytes, {
    provider: 'cpu',
    folder: weightsFolder(path),
    model: path,
    arena: true,
    profile,
  });
  try {
    const times: number[] = [];
    for (let i = 0; i < WARM_UP + runs; i++) {
      await job.checkpoint();
      const begin = performance.now();
      await session.runTensors(feeds);
      if (i >= WARM_UP) times.push(performance.now() - begin);
    }
    return times;
  } finally {
    await session.close();
  }
}

interface Event {
  cat: string;
  name: string;
  /** Microseconds. */
  dur: number;
  args?: { node_index?: string };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
