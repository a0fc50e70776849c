/** The question of quality that a budget answers, in words. */
import type { Quality } from './types';

/** "33.9 dB"; equal outputs have no number. */
export function formatSqnr(sqnrDb: number, identical = 'identical'): string {
  return sqnrDb === Infinity ? identical : `${sqnrDb.toFixed(1)} dB`;
}

/** "KL divergence <= 0.05 nats; measured 0.048 nats". */
export function formatQuality(quality: Quality): string {
  if ('noise' in quality) return `a noise of at most ${quality.noise}`;
  const [asked, unit] =
    'kl' in quality ? [`KL divergence <= ${quality.kl}`, 'nats'] : [`SQNR >= ${quality.sqnrDb}`, 'dB'];
  const { measured } = quality;
  return `${asked} ${unit}${measured === undefined ? '' : `; measured ${measured} ${unit}`}`;
}
