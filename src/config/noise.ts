/** The noise that a config keeps of a function. */
import { GROUP_SIZES, storageCode } from '../common/storageCode';
import { type ConfigFunction, NOISE_WIDTHS } from './types';

/** By storageCode; null where it was not measured. */
export function noiseByWidth({
  noise,
  groupNoise = {},
}: Pick<ConfigFunction, 'noise' | 'groupNoise'>): Record<number, number> | null {
  if (noise?.length !== NOISE_WIDTHS.length) return null;
  const grouped = Object.entries(groupNoise).flatMap(([group, own]) =>
    own.map((value, i): [number, number] => [storageCode(NOISE_WIDTHS[i], Number(group)), value]),
  );
  return Object.fromEntries([
    ...NOISE_WIDTHS.map((bits, i): [number, number] => [bits, noise[i]]),
    ...grouped,
  ]);
}

/** What a config keeps of the noise with groups. */
export function groupNoiseOf(byCode: Readonly<Record<number, number>>): ConfigFunction['groupNoise'] {
  const found: Record<string, number[]> = {};
  for (const group of GROUP_SIZES) {
    const own = NOISE_WIDTHS.map((bits) => byCode[storageCode(bits, group)]).filter(
      (each) => each !== undefined,
    );
    if (own.length > 0) found[group] = own.map((noise) => Number(noise.toPrecision(4)));
  }
  return Object.keys(found).length > 0 ? found : undefined;
}
