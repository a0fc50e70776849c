/** Results of a job that was split, each in a file of its own, and how they are put together again. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { decodeRecord, encodeRecord } from '../cache/record';
import { writeAtomically } from '../common/atomicFile';
import { canonical } from '../common/canonical';
import { ioError } from '../common/fileErrors';
import { listed } from '../common/words';
import { SettingsError } from '../core/allocation/buildProblem';
import type { EvaluateReply, ScoreReply, Shard } from '../engine/protocol';
import { type Tally } from '../engine/protocol';
import { outcome } from '../engine/tally';
import type { ScoreSettings } from './settings';

export const VERSION = 2;

interface Common {
  version: typeof VERSION;
  shard: Shard;
  /** Everything that has to be the same in all parts, in one line. */
  job: string;
}

export interface EvaluateShard extends Common {
  kind: 'eval';
  tallies: Tally[];
  reply: Omit<EvaluateReply, 'tallies'>;
}

export interface ScoreShard extends Common {
  kind: 'score';
  /** Under which the whole may be kept in the cache. */
  key: string;
  functions: { name: string; params: number }[];
  settings: Pick<ScoreSettings, 'centered' | 'decay' | 'beta'>;
  /** [from, to) of the functions. */
  from: number;
  to: number;
  reply: Omit<ScoreReply, 'grams' | 'part'>;
  grams: Float64Array;
}

export type ShardResult = EvaluateShard | ScoreShard;

/** One line that is equal for parts of the same job. */
export const jobOf = (...facts: unknown[]): string => canonical(facts);

/** @throws SettingsError rather than replace a file that is no part */
export async function writeShard(path: string, part: ShardResult): Promise<void> {
  if (existsSync(path) && !partHead(decodeRecord(await readBytes(path)))) {
    throw new SettingsError(`${path} already exists and is not a shard result; give --out another name.`);
  }
  const { grams, ...head } = part.kind === 'score' ? part : { ...part, grams: new Float64Array() };
  try {
    await writeAtomically(path, encodeRecord({ head, values: grams }));
  } catch (error) {
    throw ioError(error, path, 'write');
  }
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw ioError(error, path, 'read');
  }
}

function partHead(record: ReturnType<typeof decodeRecord>): Partial<ShardResult> | null {
  const head = record?.head as Partial<ShardResult> | undefined;
  return head?.kind === 'eval' || head?.kind === 'score' ? head : null;
}

/** @throws SettingsError for a file that is no part */
export async function readShard(path: string): Promise<ShardResult> {
  const record = decodeRecord(await readBytes(path));
  const head = partHead(record);
  if (!record || !head) {
    throw new SettingsError(`${path} is not a part that "ompq eval --shard" or "ompq score --shard" wrote.`);
  }
  if (head.version !== VERSION) {
    throw new SettingsError(`${path} was written by another version of ompq; run all shards with this one.`);
  }
  const part = (head.kind === 'score' ? { ...head, grams: record.values } : head) as ShardResult;
  if (part.kind === 'score' && part.grams.length !== (part.to - part.from) * part.reply.samples ** 2) {
    throw new SettingsError(`${path} is cut off; run its shard again.`);
  }
  return part;
}

/**
 * The parts of one job, in order.
 * @throws SettingsError where some are missing, double or of another job
 */
export function complete<P extends ShardResult>(parts: readonly P[], paths: readonly string[]): P[] {
  const [first] = parts;
  const found = new Map<number, string>();
  parts.forEach((part, i) => {
    if (part.kind !== first.kind || part.job !== first.job || part.shard.count !== first.shard.count) {
      throw new SettingsError(
        `${paths[i]} and ${paths[0]} are not parts of the same job: model, data, settings, --memory-limit and the number of shards must be the same.`,
      );
    }
    const earlier = found.get(part.shard.index);
    if (earlier !== undefined) {
      throw new SettingsError(`${paths[i]} and ${earlier} are the same part; give each once.`);
    }
    found.set(part.shard.index, paths[i]);
  });
  const { count } = first.shard;
  const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !found.has(i));
  if (missing.length > 0) {
    throw new SettingsError(
      `${missing.length === 1 ? 'Shard' : 'Shards'} ${missing.map((i) => `${i + 1}/${count}`).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing (looked beside ${basename(paths[0])}).`,
    );
  }
  return [...parts].sort((a, b) => a.shard.index - b.shard.index);
}

/** What the whole job would have answered; seconds are those of all shards together. */
export function mergeEvaluations(parts: readonly EvaluateShard[]): EvaluateReply {
  const replies = parts.map(({ reply }) => reply);
  return {
    ...replies[0],
    ...outcome(
      parts.flatMap(({ tallies }) => tallies),
      replies[0].models.map(({ path, bytes }) => ({ path, bytes })),
      replies[0].plan!,
    ),
    provider: listed(unique(replies.map(({ provider }) => provider))),
    seconds: replies.reduce((sum, { seconds }) => sum + seconds, 0),
    warnings: unique(replies.flatMap(({ warnings }) => warnings)),
  };
}

export function mergeScores(parts: readonly ScoreShard[]): ScoreReply {
  const replies = parts.map(({ reply }) => reply);
  const grams = new Float64Array(parts.reduce((sum, part) => sum + part.grams.length, 0));
  for (const { from, reply, grams: own } of parts) grams.set(own, from * reply.samples ** 2);
  const total = (which: 'load' | 'score') => replies.reduce((sum, { seconds }) => sum + seconds[which], 0);
  return {
    ...replies[0],
    grams,
    provider: listed(unique(replies.map(({ provider }) => provider))),
    seconds: { load: total('load'), score: total('score') },
    warnings: unique(replies.flatMap(({ warnings }) => warnings)),
  };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];
