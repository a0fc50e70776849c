/** Functions, calibration inputs -> Gram matrices -> ORM -> importance, or all of it from the cache. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DataSpec } from '../calibration/inputs/spec';
import { SettingsError } from '../core/allocation/buildProblem';
import { importance } from '../core/scoring/importance';
import { gramToOrm } from '../core/scoring/orthogonality';
import type { Engine } from '../engine/client';
import { steps } from '../engine/progress';
import type { InspectReply, InspectRequest, ScoreReply } from '../engine/protocol';
import { findScore, keepScore, scoreKey } from './keptScores';
import { withGuess } from './settledData';
import type { Scored, ScoreOptions, ScoreSettings } from './settings';

/** Functions, calibration inputs -> Gram matrices -> ORM -> importance. */
export async function scoreModel(
  engine: Engine,
  asked: ScoreSettings,
  options: ScoreOptions,
): Promise<Scored> {
  const step = steps(options, { inspect: 1, score: 19 });
  const inspect = await engine.request(inspectRequest(asked), step.inspect);
  const settings = withBranches(asked, inspect);
  const { model, data, granularity, provider, memoryLimit } = settings;
  if (inspect.network.functions.length === 0) {
    const reasons = inspect.network.skipped.slice(0, 3).map((node) => `${node.name} (${node.reason})`);
    if (inspect.quantized) {
      throw new SettingsError(
        `${model} was quantized by OMPQ already, and no layer of it is left to quantize; quantize the model that it was made from.`,
      );
    }
    throw new SettingsError(
      `${model} has no layer that can be quantized${reasons.length > 0 ? `: ${reasons.join(', ')}` : ''}.`,
    );
  }
  options.refuse?.(inspect);
  const { cache, signal, onProgress } = options;
  const functions = inspect.network.functions.length;
  const findKey = () => scoreKey(inspect.sha256, settings, signal);
  const key = cache ? await findKey() : null;
  const found = cache && key !== null ? await findScore(cache, key, functions) : null;
  const told = (score: ScoreReply) => withQuantized(withGuess(score, settings.guess), inspect, model);
  if (found) {
    onProgress?.({ stage: 'Scored before', fraction: 1 });
    const orms = orthogonality(found, functions, settings);
    return { settings, inspect, score: told(found), cached: true, ...orms };
  }
  const before = await stamps(inspect.files);
  const score = await engine.request(
    { kind: 'score', model, granularity, data, provider, memoryLimit },
    step.score,
  );
  if ((await stamps(inspect.files)) !== before) {
    throw new SettingsError(
      `${basename(model)} was changed or removed while it was scored; run it again when it stays as it is.`,
    );
  }
  if (settings.centered && score.samples < 2) {
    throw new SettingsError(
      `${data.path ?? 'The synthetic input'} holds one sample, and scoring compares samples: give at least two (64 are usual), as a folder with a file for each or an array with samples on its first axis.`,
    );
  }
  // Data that has changed meanwhile has another key.
  if (cache && key !== null && (await findKey()) === key) await keepScore(cache, key, score);
  return {
    settings,
    inspect,
    score: told(score),
    cached: false,
    ...orthogonality(score, functions, settings),
  };
}

/** Quantizing what an export has left as floats is possible, but rarely meant. */
function withQuantized(score: ScoreReply, { quantized }: InspectReply, model: string): ScoreReply {
  if (!quantized) return score;
  const warning = `${basename(model)} was quantized by OMPQ already: only what that left as floats is quantized now.`;
  return { ...score, warnings: [...score.warnings, warning] };
}

/** What the model is made of on this data. */
export function inspectRequest({
  model,
  granularity,
  data,
}: Pick<ScoreSettings, 'model' | 'granularity' | 'data'>): InspectRequest {
  return { kind: 'inspect', model, granularity, shapes: data.shapes, data };
}

/** The settings for everything that follows an inspection: it has found the branches that the data take. */
export function withBranches<S extends { data: DataSpec }>(settings: S, { branches }: InspectReply): S {
  return branches ? { ...settings, data: { ...settings.data, branches } } : settings;
}

/** Equal as long as nobody has written to the files. */
async function stamps(paths: readonly string[]): Promise<string> {
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
  return found.map((file) => (file ? `${file.size} ${file.mtimeMs}` : 'gone')).join();
}

export function orthogonality(
  score: ScoreReply,
  functions: number,
  { centered, decay, beta }: Pick<ScoreSettings, 'centered' | 'decay' | 'beta'>,
) {
  const orm = gramToOrm(score.grams, functions, score.samples, { centered });
  return { orm, ...importance(orm, functions, { decay, beta }) };
}
