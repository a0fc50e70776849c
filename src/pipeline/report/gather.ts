/** Everything that a report shows, gathered once for every form of it. */
import type { Config } from '../../config/types';
import { decidedBy, winnerOf } from '../../config/winner';
import { valueOf } from '../../core/allocation/objectives';
import { sampleCurve } from '../../core/allocation/paretoSample';
import { type PinCost } from '../../core/allocation/pins';
import type { Engine } from '../../engine/client';
import type { EvaluateReply } from '../../engine/protocol';
import { inspectFor, scoreSettingsOf } from '../configured';
import { evaluateModels } from '../evaluate';
import { explain, type ExplainedLayer } from '../explain';
import { findScore, scoreKey } from '../keptScores';
import { materialOfConfig, pinCostOf } from '../resolve';
import { orthogonality } from '../score';
import type { ScoreOptions } from '../settings';

export interface Report {
  configPath: string;
  config: Config;
  layers: ExplainedLayer[];
  pins: PinCost | null;
  /** Sizes and averages along the budget, under the objective that decided, or its stand-in where that was one width for all. */
  curve: { bytes: number; averageBits: number }[];
  /** L x L, where the scores are still kept. */
  orm: Float64Array | null;
  /** Of an exported model against the original, where there is one. */
  evaluation: EvaluateReply | null;
}

const CURVE_POINTS = 24;
const LOOK_SAMPLES = 64;

/** @param exported absolute path of the model that was written for the config; null: none */
export async function gatherReport(
  engine: Engine,
  configPath: string,
  config: Config,
  exported: string | null,
  options: ScoreOptions,
): Promise<Report> {
  const inspect = await inspectFor(engine, configPath, config, options);
  const settings = scoreSettingsOf(config, configPath);
  const evaluation =
    exported === null
      ? null
      : await evaluateModels(
          engine,
          settings.model,
          exported,
          { ...settings.data, samples: LOOK_SAMPLES },
          { all: false, perLayer: true, provider: 'auto', memoryLimit: 0 },
          options,
        );
  const { cache, signal } = options;
  const key = cache ? await scoreKey(inspect.sha256, settings, signal) : null;
  const score = cache && key !== null ? await findScore(cache, key, config.functions.length) : null;
  return {
    configPath,
    config,
    layers: explain(config, inspect),
    pins: pinCostOf(config, inspect),
    curve: curveOf(config, inspect),
    orm: score && orthogonality(score, config.functions.length, config.scoring).orm,
    evaluation,
  };
}

function curveOf(config: Config, inspect: Parameters<typeof materialOfConfig>[1]): Report['curve'] {
  const own = decidedBy(config);
  // Of one width for all there is no curve: the best of the same measurements stands in.
  const standIn = config.functions.every((f) => f.noise) ? 'noise-aware' : 'orthogonality';
  const objective = own === 'uniform' ? standIn : own;
  const { problem, gamma, scoring } = materialOfConfig(config, inspect);
  const beta = winnerOf(config.contest)?.beta ?? scoring.beta;
  // The budget is what the curve runs along; the limits beside it hold.
  const within = { ...problem, budgets: problem.budgets.slice(1) };
  return [...sampleCurve(within, CURVE_POINTS, valueOf(objective, gamma, { ...scoring, beta }))].map(
    ({ sizeBytes, averageBits }) => ({ bytes: sizeBytes, averageBits }),
  );
}
