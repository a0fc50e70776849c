/** Two configs of one model side by side. */
import type { Config } from '../config/types';
import { winnerOf } from '../config/winner';
import { SettingsError } from '../core/allocation/buildProblem';

export interface ComparedConfigs {
  a: ConfigFacts;
  b: ConfigFacts;
  /** Layers whose bits differ. */
  changed: { name: string; params: number; a: number; b: number; bytes: number }[];
}

export interface ConfigFacts {
  bytes: number;
  averageBits: number;
  /** Sum of the layers' noise; null where it was not measured for all. */
  noise: number | null;
  /** Measured by the contest, where there was one. */
  kl: number | null;
  agreement: number | null;
  sqnrDb: number | null;
}

/** @throws SettingsError for configs of different models */
export function compareConfigs(a: Config, b: Config): ComparedConfigs {
  const names = (config: Config): string => config.functions.map((f) => f.name).join('\n');
  if (a.model.sha256 !== b.model.sha256 || names(a) !== names(b)) {
    throw new SettingsError(
      `${a.model.file} and ${b.model.file} are not the same model with the same layers: compare configs of one model.`,
    );
  }
  return {
    a: factsOf(a),
    b: factsOf(b),
    changed: a.functions.flatMap((f, i) => {
      const other = b.functions[i];
      return f.bits === other.bits
        ? []
        : [{ name: f.name, params: f.params, a: f.bits, b: other.bits, bytes: other.bytes - f.bytes }];
    }),
  };
}

function factsOf({ totals, functions, contest }: Config): ConfigFacts {
  const winner = winnerOf(contest);
  // What was edited since was not measured.
  const measured = winner?.bits.join() === functions.map((f) => f.bits).join() ? winner : undefined;
  const noises = functions.map((f) => (f.bits > 8 && f.noise ? 0 : f.noise?.[f.bits - 2]));
  const isKnown = noises.every((noise) => noise !== undefined);
  return {
    bytes: totals.bytes,
    averageBits: totals.averageBits,
    noise: isKnown ? noises.reduce<number>((sum, noise) => sum + noise, 0) : null,
    kl: measured?.kl ?? null,
    agreement: measured?.agreement ?? null,
    sqnrDb: measured?.sqnrDb ?? null,
  };
}
