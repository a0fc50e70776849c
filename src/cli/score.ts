import { Command } from 'commander';
import { scoreModel, type Scored } from '../pipeline';
import { addScoreOptions, scoreSettings, type ScoreFlags } from './options';
import { printJson, printLines, withSession } from './session';
import { table } from './table';

interface Flags extends ScoreFlags {
  json?: boolean;
}

export function scoreCommand(): Command {
  return addScoreOptions(
    new Command('score')
      .description('Score how orthogonal the functions of a model are, on calibration inputs.')
      .argument('<MODEL>', 'an .onnx file'),
  )
    .option('--json', 'print one JSON document')
    .action(async (model: string, flags: Flags, command: Command) => {
      const settings = scoreSettings(model, flags, command);
      const scored = await withSession(async ({ engine, options, note }) => {
        const result = await scoreModel(engine, settings, options);
        noteScore(result, note);
        return result;
      }, flags.cache);
      if (flags.json) printJson(toJson(scored));
      else printLines(forPeople(scored));
    });
}

/** Where it ran, on what, and every warning; loud where the input was synthetic. */
export function noteScore({ score, cached }: Scored, note: (line: string) => void): void {
  for (const warning of score.warnings) note(`warning: ${warning}`);
  if (score.synthetic) {
    note('WARNING: synthetic input. The scores say little about real data; give --data where you can.');
  }
  const { load, score: seconds } = score.seconds;
  const what = `${score.samples} samples (${score.dataDescription})`;
  const took = `on ${score.provider}: load ${load.toFixed(2)} s, score ${seconds.toFixed(2)} s`;
  note(cached ? `${what} from the cache; scored before ${took}` : `scored ${what} ${took}`);
}

function toJson({ inspect, score, cached, orm, gamma, theta, weight }: Scored) {
  const { functions } = inspect.network;
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

function forPeople({ inspect, gamma, theta, weight }: Scored): string[] {
  return table(
    ['function', 'params', 'gamma', 'theta', 'weight'],
    inspect.network.functions.map((f, i) => [
      f.name,
      String(f.params),
      gamma[i].toFixed(3),
      theta[i].toPrecision(4),
      weight[i].toPrecision(4),
    ]),
  );
}
