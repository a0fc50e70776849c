/** The noise that a config keeps of a function. */
import { type ConfigFunction, NOISE_WIDTHS } from './types';

/** By width; null where it was not measured. */
export function noiseByWidth({ noise }: Pick<ConfigFunction, 'noise'>): Record<number, number> | null {
  if (noise?.length !== NOISE_WIDTHS.length) return null;
  return Object.fromEntries(NOISE_WIDTHS.map((bits, i) => [bits, noise[i]]));
}
