/** How pictures become tensors where the user has not said so: as the model most likely takes them, with the reason. */
import type { DataSpec, Preprocessing } from '../calibration/inputs/spec';
import { holdsPictures } from '../calibration/open';
import type { PreprocessingGuess } from '../calibration/pictures/guess';
import type { Engine, RequestOptions } from '../engine/client';

/** Data of which the user may have left open how its pictures are prepared. */
export interface AskedData extends Omit<DataSpec, 'preprocessing'> {
  preprocessing: Partial<Preprocessing>;
}

export interface SettledData {
  data: DataSpec;
  /** One sentence: what was guessed of the preprocessing, and why; absent where the user has said it, or nothing can be guessed. */
  guess?: string;
}

/** @param asked without a preset, and without both mean and standard deviation, the model is asked */
export async function settledData(
  engine: Engine,
  model: string,
  asked: AskedData,
  options: RequestOptions,
): Promise<SettledData> {
  const { mean, std, preset } = asked.preprocessing;
  const usual: DataSpec = {
    ...asked,
    preprocessing: { ...asked.preprocessing, preset: preset ?? 'imagenet' },
  };
  const isSaid = preset !== undefined || (mean !== undefined && std !== undefined);
  if (isSaid || asked.path === null || !(await holdsPictures(asked.path, options.signal)))
    return { data: usual };
  const found = await guessOf(engine, model, usual, options);
  if (!found) return { data: usual };
  const given = Object.fromEntries(
    Object.entries(asked.preprocessing).filter(([, value]) => value !== undefined),
  );
  return {
    data: { ...asked, preprocessing: { ...found.preprocessing, ...given } },
    guess: `${found.isSure ? 'Found' : 'A guess'}: ${found.reason}`,
  };
}

/** What was done to the pictures, with the reason where it was guessed. */
export function withGuess<R extends { preparation?: string }>(reply: R, guess: string | undefined): R {
  if (guess === undefined || reply.preparation === undefined) return reply;
  return { ...reply, preparation: `${reply.preparation}. ${guess}` };
}

/** What cannot be guessed stands in no one's way: whoever uses the model says what is wrong with it. */
async function guessOf(
  engine: Engine,
  model: string,
  data: DataSpec,
  options: RequestOptions,
): Promise<PreprocessingGuess | null> {
  try {
    return (await engine.request({ kind: 'preview', model, data, choices: [], pictures: 0 }, options)).guess;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    return null;
  }
}
