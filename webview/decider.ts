/** What decided about the bits, layer by layer: drawn over the bars. Pure. */
import type { Importance } from '../src/core/scoring/importance';
import { importanceOfGamma } from '../src/core/scoring/importance';
import { t } from './l10n';
import type { Task } from './objective';
import type { PanelState } from './protocol';

export interface Decider {
  name: string;
  /** What its height means, for the legend. */
  meaning: string;
  /** 0..1 per layer, largest = 1; null where unknown. */
  heights: (number | null)[];
  /** The value as people read it. */
  texts: string[];
}

/** The width at which the noise of layers is compared: what every layer would do at the same bits. */
const WIDTH = 4;
/** Decibels from the top of the picture to its bottom. */
const DEEPEST = 40;

/** null: every layer counts alike, or nothing is known. */
export function deciderOf(state: PanelState, weights: Importance | null, task: Task | null): Decider | null {
  // A quantized file does not say how its bits were found.
  if (task?.objective === 'uniform' || state.quantized) return null;
  if (task?.objective === 'noise-aware' || task?.objective === 'orthogonality-noise') {
    return noiseDecider(state, task);
  }
  if (!weights) return null;
  return {
    name: t('importance'),
    meaning: t('Weight of the layer in the objective, largest = full height'),
    heights: [...weights.weight],
    texts: Array.from(weights.weight, (weight) => weight.toPrecision(3)),
  };
}

function noiseDecider({ functions }: PanelState, task: Task): Decider | null {
  const isWeighted = task.objective === 'orthogonality-noise';
  const scale = isWeighted
    ? importanceOfGamma(task.gamma, { decay: task.decay, beta: task.beta, normalised: true }).weight
    : null;
  const decibels = functions.map((f, i) => {
    const noise = f.noise?.[WIDTH];
    return noise === undefined || noise <= 0 ? null : 10 * Math.log10(noise * (scale?.[i] ?? 1));
  });
  const known = decibels.filter((value) => value !== null);
  if (known.length === 0) return null;
  const most = Math.max(...known);
  return {
    name: isWeighted ? t('noise × importance') : t('noise'),
    meaning: isWeighted
      ? t('Noise that the layer would make at {0} bits times its importance, in dB: these decided', WIDTH)
      : t('Noise that the layer would make at {0} bits, in dB: this decided, together with the size', WIDTH),
    heights: decibels.map((value) => (value === null ? null : Math.max(0, 1 - (most - value) / DEEPEST))),
    texts: decibels.map((value) => (value === null ? '' : `${value.toFixed(1)} dB`)),
  };
}
