/** What every way of running shards is given, and what it is asked to do. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ShardJobs {
  /** "eval" or "score" and its arguments, without those of a shard. */
  command: readonly string[];
  count: number;
  /** Folder of the parts and the logs, which all workers see. */
  folder: string;
  /** Shards at a time, where the caller decides that. */
  jobs: number;
  signal: AbortSignal;
}

/** Runs the shards of these numbers, from 1 on; done when none of them runs any more, whether or not they have failed. */
export type RunShards = (shards: readonly number[], jobs: ShardJobs) => Promise<void>;

export const partOf = ({ folder }: Pick<ShardJobs, 'folder'>, shard: number | string): string =>
  join(folder, `${shard}.part`);

export const logOf = ({ folder }: Pick<ShardJobs, 'folder'>, shard: number | string): string =>
  join(folder, `${shard}.log`);

/** Of this command; `shard` may be a word that a shell or an engine replaces by the number. */
export function shardArguments(jobs: ShardJobs, shard: number | string): string[] {
  return [...jobs.command, '--shard', `${shard}/${jobs.count}`, '--out', partOf(jobs, shard)];
}

/** This command as other processes of this machine, or of others with the same disk, start it. */
export const ompqWords = (): string[] => [process.execPath, process.argv[1]];

/** For POSIX shells. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Stands for the number of a shard in words that a shell is going to read. */
const NUMBER = '@SHARD@';

/** A line for a POSIX shell that runs one shard. @param number what the shell knows its number by, quoted as it must be */
export function shellLine(program: readonly string[], jobs: ShardJobs, number: string): string {
  return [...program, ...shardArguments(jobs, NUMBER)].map((word) => inShell(word, number)).join(' ');
}

export function shellLog(jobs: ShardJobs, number: string): string {
  return inShell(logOf(jobs, NUMBER), number);
}

function inShell(word: string, number: string): string {
  return word
    .split(NUMBER)
    .map((text, _, all) => (text === '' && all.length > 1 ? '' : shellWord(text)))
    .join(number);
}

export function missing(jobs: Pick<ShardJobs, 'folder' | 'count'>): number[] {
  return Array.from({ length: jobs.count }, (_, i) => i + 1).filter(
    (shard) => !existsSync(partOf(jobs, shard)),
  );
}

/** The last line that a shard has written. */
export function lastWords(jobs: Pick<ShardJobs, 'folder'>, shard: number): string {
  const path = logOf(jobs, shard);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [''];
  return lines[lines.length - 1] || 'it has left no message';
}
