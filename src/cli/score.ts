import { Command } from 'commander';
import type { Shard } from '../engine/protocol';
import { scoreKey } from '../pipeline/keptScores';
import { inspectRequest, scoreModel, withBranches } from '../pipeline/score';
import { type Scored } from '../pipeline/settings';
import { jobOf, type ScoreShard, VERSION, writeShard } from '../pipeline/shards';
import {
  type AskedScore,
  addScoreOptions,
  addShardOptions,
  partPath,
  type ScoreFlags,
  askedScore,
  scoreSettings,
  type ShardFlags,
} from './options';
import { printJson, printLines, withSession } from './session';
import { table } from './table';

interface Flags extends ScoreFlags, ShardFlags {
  json?: boolean;
}

export function scoreCommand(): Command {
  return addShardOptions(
    addScoreOptions(
      new Command('score')
        .description('Score how orthogonal the functions of a model are, on calibration inputs.')
        .argument('<MODEL>', 'an .onnx file'),
    ),
  )
    .option('--json', 'print one JSON document')
    .action(async (model: string, flags: Flags, command: Command) => {
      const asked = askedScore(model, flags, command);
      if (flags.shard) {
        await scoreShard(asked, { ...flags, shard: flags.shard });
        return;
      }
      const scored = await withSession(async (session) => {
        const settings = await scoreSettings(session, asked);
        const result = await scoreModel(session.engine, settings, session.options);
        noteScore(result, session.note);
        return result;
      }, flags.cache);
      const shown = { ...scored, functions: scored.inspect.network.functions };
      if (flags.json) printJson(scoreToJson(shown));
      else printLines(scoreForPeople(shown));
    });
}

/** Where it ran, on what, and every warning; loud where the input was synthetic. */
export function noteScore({ score, cached }: Scored, note: (line: string) => void): void {
  for (const warning of score.warnings) note(`warning: ${warning}`);
  if (score.synthetic) {
    note('WARNING: synthetic input. The scores say little about real data; give --data where you can.');
  }
  const { load, score: seconds } = score.seconds;
  if (score.preparation) note(score.preparation);
  const what = `${score.samples} samples (${score.dataDescription})`;
  const took = `on ${score.provider}: load ${load.toFixed(2)} s, score ${seconds.toFixed(2)} s`;
  note(cached ? `${what} from the cache; scored before ${took}` : `scored ${what} ${took}`);
}

async function scoreShard(asked: AskedScore, flags: Flags & { shard: Shard }): Promise<void> {
  const { model, centered, decay, beta } = asked;
  const { shard } = flags;
  const part = await withSession(async (session): Promise<ScoreShard> => {
    const { engine, options, note } = session;
    const settled = await scoreSettings(session, asked);
    const inspect = await engine.request(inspectRequest(settled), options);
    const settings = withBranches(settled, inspect);
    const { granularity, data, provider, memoryLimit } = settings;
    const key = await scoreKey(inspect.sha256, settings);
    const {
      grams,
      part: done,
      ...reply
    } = await engine.request(
      { kind: 'score', model, granularity, data, provider, memoryLimit, shard },
      options,
    );
    for (const warning of reply.warnings) note(`warning: ${warning}`);
    const kept = { centered, decay, beta };
    return {
      kind: 'score',
      version: VERSION,
      shard,
      key: key!,
      job: jobOf(key, kept, done!.plan),
      functions: inspect.network.functions.map(({ name, params }) => ({ name, params })),
      settings: kept,
      from: done!.from,
      to: done!.to,
      reply,
      grams,
    };
  });
  const out = partPath(flags, model, 'score');
  await writeShard(out, part);
  const { from, to, reply } = part;
  if (flags.json)
    printJson({ part: out, functions: [from, to], samples: reply.samples, provider: reply.provider });
  else
    printLines([
      `functions ${from + 1} to ${to}, ${reply.samples} samples on ${reply.provider}`,
      `wrote ${out}`,
    ]);
}

export type ShownScore = Pick<Scored, 'score' | 'cached' | 'orm' | 'gamma' | 'theta' | 'weight'> & {
  functions: readonly { name: string; params: number }[];
};

export function scoreToJson({ functions, score, cached, orm, gamma, theta, weight }: ShownScore) {
  const size = functions.length;
  return {
    functions: functions.map(({ name, params }, i) => ({
      name,
      params,
      gamma: gamma[i],
      theta: theta[i],
      weight: weight[i],
    })),
    orm: functions.map((_, i) => [...orm.subarray(i * size, (i + 1) * size)]),
    samples: score.samples,
    provider: score.provider,
    synthetic: score.synthetic,
    cached,
    seconds: score.seconds,
    warnings: score.warnings,
  };
}

export function scoreForPeople({ functions, gamma, theta, weight }: ShownScore): string[] {
  return table(
    ['function', 'params', 'gamma', 'theta', 'weight'],
    functions.map((f, i) => [
      f.name,
      String(f.params),
      gamma[i].toFixed(3),
      theta[i].toPrecision(4),
      weight[i].toPrecision(4),
    ]),
  );
}
