/** Shards on this machine, by GNU parallel and by Slurm. */
import pMap from 'p-map';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './process';
import {
  logOf,
  ompqWords,
  type RunShards,
  shardArguments,
  type ShardJobs,
  shellLine,
  shellLog,
  shellWord,
} from './shards';

/** Processes of this one. */
export const onThisMachine: RunShards = async (shards, jobs) => {
  await pMap(
    [...shards],
    async (shard) => {
      if (jobs.signal.aborted) return;
      await runProgram([...ompqWords(), ...shardArguments(jobs, shard)], {
        signal: jobs.signal,
        log: logOf(jobs, shard),
      });
    },
    { concurrency: jobs.jobs },
  );
};

/** The log is the shard's own. */
function shardScript(jobs: ShardJobs, number: string): string {
  return `#!/bin/sh\n${shellLine(ompqWords(), jobs, number)} > ${shellLog(jobs, number)} 2>&1\n`;
}

export const onParallel: RunShards = async (shards, jobs) => {
  const script = join(jobs.folder, 'shard.sh');
  await writeFile(script, shardScript(jobs, '"$1"'));
  await runProgram(
    ['parallel', '--will-cite', '--halt', 'never', '--jobs', String(jobs.jobs), 'sh', script, '{}'],
    { signal: jobs.signal, input: shards.join('\n'), stops: 2 },
  );
};

const TASK = '"$SLURM_ARRAY_TASK_ID"';

/** @param more options for sbatch, such as --partition=gpu */
export const onSlurm =
  (more: readonly string[]): RunShards =>
  async (shards, jobs) => {
    const array = `--array=${shards.join(',')}`;
    const script = shardScript(jobs, TASK);
    let id = '';
    const cancel = (): void => {
      if (id !== '') void runProgram(['scancel', id]).catch(() => undefined);
    };
    jobs.signal.addEventListener('abort', cancel, { once: true });
    try {
      const { stderr } = await runProgram(
        ['sbatch', '--parsable', '--wait', '--job-name=ompq', '--output=/dev/null', array, ...more],
        { signal: jobs.signal, input: script, onStdout: (text) => (id ||= text.split(/[;\s]/, 1)[0]) },
      );
      if (id === '' && !jobs.signal.aborted) throw new Error(`sbatch took no job: ${stderr.trim()}`);
    } finally {
      jobs.signal.removeEventListener('abort', cancel);
    }
  };

/** Hands the shards and their merging to Slurm, and does not wait. Returns the numbers of both jobs. */
export async function leaveToSlurm(
  jobs: ShardJobs,
  more: readonly string[],
  result: string,
): Promise<{ array: string; merge: string }> {
  const submit = async (script: string, options: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runProgram(['sbatch', '--parsable', ...options, ...more], {
      signal: jobs.signal,
      input: `#!/bin/sh\n${script}\n`,
    });
    if (code !== 0) throw new Error(`sbatch took no job: ${stderr.trim()}`);
    return stdout.split(/[;\s]/, 1)[0];
  };
  const quiet = '--output=/dev/null';
  const array = await submit(shardScript(jobs, TASK), ['--job-name=ompq', quiet, `--array=1-${jobs.count}`]);
  const merge = [...ompqWords(), 'merge'].map(shellWord).join(' ');
  const parts = `${shellWord(jobs.folder)}/*.part`;
  const log = shellWord(logOf(jobs, 'merge'));
  const id = await submit(`#!/bin/sh\n${merge} ${parts} --json > ${shellWord(result)} 2> ${log}\n`, [
    '--job-name=ompq-merge',
    quiet,
    `--dependency=afterok:${array}`,
    '--kill-on-invalid-dep=yes',
  ]);
  return { array, merge: id };
}
