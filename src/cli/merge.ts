import { Command } from 'commander';
import { resolve } from 'node:path';
import { Cache } from '../cache/cache';
import { userCacheFolder } from '../cache/folder';
import { keepScore } from '../pipeline/keptScores';
import { orthogonality } from '../pipeline/score';
import {
  complete,
  type EvaluateShard,
  mergeEvaluations,
  mergeScores,
  readShard,
  type ScoreShard,
} from '../pipeline/shards';
import { evaluationForPeople, evaluationToJson } from './eval';
import { scoreForPeople, scoreToJson, type ShownScore } from './score';
import { printJson, printLines } from './session';

export function mergeCommand(): Command {
  return new Command('merge')
    .description(
      'Put together what "ompq eval --shard" or "ompq score --shard" wrote: the result of the whole job. ' +
        'Scores are kept in the cache, where "ompq quantize" finds them.',
    )
    .argument('<PART...>', 'the files of all shards, in any order')
    .option('--no-cache', 'keep no scores for "ompq quantize"')
    .option('--json', 'print one JSON document')
    .action(async (files: string[], flags: { json?: boolean; cache: boolean }) => {
      await mergeFiles(
        files.map((file) => resolve(file)),
        flags,
      );
    });
}

/** Prints the result of the whole job. @throws SettingsError where these are not all of its parts */
export async function mergeFiles(
  paths: readonly string[],
  flags: { json?: boolean; cache: boolean },
): Promise<void> {
  const read = await Promise.all(paths.map(readShard));
  const parts = complete(read, paths);
  if (parts[0].kind === 'eval') {
    const reply = mergeEvaluations(parts as EvaluateShard[]);
    if (flags.json) printJson(evaluationToJson(reply));
    else printLines(evaluationForPeople(reply));
    return;
  }
  const shown = await mergedScore(parts as ScoreShard[], flags.cache);
  if (flags.json) printJson(scoreToJson(shown));
  else printLines(scoreForPeople(shown));
}

async function mergedScore(parts: ScoreShard[], keep: boolean): Promise<ShownScore> {
  const score = mergeScores(parts);
  const { functions, settings, key } = parts[0];
  if (keep) {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    await keepScore(new Cache(userCacheFolder(), { log }), key, score);
  }
  return { functions, score, cached: false, ...orthogonality(score, functions.length, settings) };
}
