/** `ompq run`: a command in shards, on the workers there are, and put together again. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join, resolve } from 'node:path';
import { CancelledError } from '../../engine/client';
import { mergeFiles } from '../merge';
import { printLines, progressBar, untilStopped } from '../session';
import { leaveToSlurm, onParallel, onSlurm, onThisMachine } from './engines';
import { mergeManifest, onKubernetes, shardsManifest, type Cluster } from './kubernetes';
import { lastWords, missing, partOf, type RunShards, type ShardJobs } from './shards';

interface Flags {
  on: 'local' | 'parallel' | 'slurm' | 'kubernetes';
  shards: number;
  jobs?: number;
  parts?: string;
  retries: number;
  sbatch: string[];
  detach?: string;
  image?: string;
  volume?: string;
  print?: boolean;
}

const SPLIT = ['eval', 'score'];

export function runCommand(): Command {
  return new Command('run')
    .description(
      'Run "ompq eval" or "ompq score" in shards, wait for them, run those that failed again, and print what the ' +
        'whole command would have said.',
    )
    .argument('<COMMAND...>', 'eval or score with its arguments')
    .addOption(
      new Option('--on <WORKERS>', 'who runs the shards')
        .choices(['local', 'parallel', 'slurm', 'kubernetes'])
        .default('local'),
    )
    .requiredOption('--shards <N>', 'how many parts the work is split into', whole(1))
    .option('--jobs <N>', 'shards at a time (not for slurm, which decides that; default: 2)', whole(1))
    .option(
      '--parts <FOLDER>',
      'folder that all workers see; parts that are there already are not run again, and it is kept (default: a new one here)',
    )
    .option('--retries <N>', 'how often a shard that failed is run again', whole(0), 1)
    .option(
      '--sbatch <OPTION>',
      'with slurm: an option for sbatch, e.g. --sbatch=--partition=long (repeatable)',
      collect,
      [],
    )
    .option(
      '--detach <FILE>',
      'with slurm: submit the shards and their merging, and return; the result goes into FILE as JSON (needs --parts)',
    )
    .option('--image <IMAGE>', 'with kubernetes: the image of the pods, with ompq in it')
    .option('--volume <CLAIM:PATH>', 'with kubernetes: a persistentVolumeClaim and where pods see it')
    .option('--print', 'with kubernetes: print the jobs in place of applying them')
    .passThroughOptions()
    .action(async (words: string[], flags: Flags, command: Command) => {
      if (!SPLIT.includes(words[0])) command.error(`error: ${words[0]} cannot be split; eval and score can`);
      const own = words.find((word) => /^--(shard|out)(=|$)/.test(word));
      if (own) command.error(`error: ${own} is for "ompq run" to decide; --parts is the folder of the parts`);
      await untilStopped((signal) => run(words, flags, command, signal));
    });
}

async function run(words: string[], flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const jobs = flags.jobs ?? 2;
  const work = { command: words, count: flags.shards, jobs, signal };
  if (flags.on === 'kubernetes') {
    await runOnKubernetes(work, flags, command);
    return;
  }
  if (flags.detach !== undefined && (flags.on !== 'slurm' || flags.parts === undefined))
    command.error('error: --detach goes with --on slurm and --parts');
  const folder = flags.parts === undefined ? await mkdtemp(resolve('ompq-parts-')) : resolve(flags.parts);
  await mkdir(folder, { recursive: true });
  const shared = { ...work, folder, command: await withMemoryShare(words, folder, flags) };
  if (flags.detach !== undefined) {
    const { array, merge } = await leaveToSlurm(shared, flags.sbatch, resolve(flags.detach));
    printLines([`submitted ${flags.shards} shards as job ${array}, their merging as job ${merge}`]);
    return;
  }
  await runShards(shared, runnerOf(flags), flags.retries);
  const paths = Array.from({ length: flags.shards }, (_, i) => partOf(shared, i + 1));
  await mergeFiles(paths, { json: words.includes('--json'), cache: !words.includes('--no-cache') });
  if (flags.parts === undefined) await rm(folder, { recursive: true });
}

function runnerOf({ on, sbatch }: Flags): RunShards {
  if (on === 'slurm') return onSlurm(sbatch);
  return on === 'parallel' ? onParallel : onThisMachine;
}

const LOOKED_EVERY_MS = 500;

/** @throws Error where shards still fail after all retries */
async function runShards(jobs: ShardJobs, runner: RunShards, retries: number): Promise<void> {
  const bar = progressBar();
  const show = (): void => {
    const done = jobs.count - missing(jobs).length;
    bar.update({ stage: `${done} of ${jobs.count} shards`, fraction: done / jobs.count });
  };
  const timer = setInterval(show, LOOKED_EVERY_MS);
  try {
    for (let round = 0; ; round++) {
      const todo = missing(jobs);
      if (todo.length === 0) return;
      if (round > retries) {
        throw new Error(
          `Shard ${todo[0]}/${jobs.count}${todo.length > 1 ? ` and ${todo.length - 1} more` : ''} failed: ` +
            `${lastWords(jobs, todo[0])} (logs and finished parts are in ${jobs.folder}; --parts ${jobs.folder} goes on from there)`,
        );
      }
      if (round > 0) bar.note(`running ${todo.map((i) => `${i}/${jobs.count}`).join(', ')} again`);
      await runner(todo, jobs);
      if (jobs.signal.aborted) throw new CancelledError();
    }
  } finally {
    clearInterval(timer);
    show();
    bar.stop();
  }
}

/**
 * Workers of one machine share its memory, and all shards must have the same limit: those that are run later, too, so it
 * is kept in the folder.
 */
async function withMemoryShare(words: string[], folder: string, { on, jobs = 2 }: Flags): Promise<string[]> {
  if (on === 'slurm' || words.some((word) => word.startsWith('--memory-limit'))) return words;
  const file = join(folder, 'memory-limit.txt');
  const kept = await readFile(file, 'utf8').catch(() => null);
  const limit = kept ?? `${Math.floor(freemem() / 2e6 / jobs)}MB`;
  if (kept === null) await writeFile(file, limit);
  return [...words, '--memory-limit', limit];
}

async function runOnKubernetes(
  work: Omit<ShardJobs, 'folder'>,
  { image, volume, parts, print, retries }: Flags,
  command: Command,
): Promise<void> {
  const [, claim, mount] = /^([^:]+):(\/.*)$/.exec(volume ?? '') ?? [];
  if (image === undefined || claim === undefined || parts === undefined)
    return command.error(
      'error: --on kubernetes needs --image, --volume CLAIM:PATH and --parts (a new folder below PATH)',
    );
  const cluster: Cluster = { image, claim, mount, retries };
  const jobs = { ...work, folder: parts };
  if (print) {
    const name = `ompq-${work.command[0]}`;
    const all = [shardsManifest(name, jobs, cluster), mergeManifest(`${name}-merge`, jobs, cluster)];
    printLines(all.map((manifest) => JSON.stringify(manifest, null, 2)));
  } else process.stdout.write(await onKubernetes(jobs, cluster));
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
    return value;
  };
}

const collect = (text: string, previous: string[]): string[] => [...previous, text];
