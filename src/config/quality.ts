/** The question of quality that a budget answers: read, put into words, and held against what was measured. */
import type { Measured } from './measured';
import type { MeasuredQuality, Quality } from './types';

/** "33.9 dB"; equal outputs have no number. */
export function formatSqnr(sqnrDb: number, identical = 'identical'): string {
  return sqnrDb === Infinity ? identical : `${sqnrDb.toFixed(1)} dB`;
}

/** "kl<=0.05", "sqnr>=20", "same>=99%" or "noise<=0.3"; null where it is none of these. */
export function parseQuality(text: string): Quality | null {
  const match = /^\s*(noise|kl|sqnr|same)\s*(<=|>=|=)?\s*(\d+(?:\.\d+)?(?:e-?\d+)?)\s*(db|%)?\s*$/i.exec(
    text,
  );
  if (!match) return null;
  const kind = match[1].toLowerCase();
  const value = Number(match[3]);
  const unit = match[4]?.toLowerCase();
  const isLeast = kind === 'sqnr' || kind === 'same';
  if (!(value > 0) || match[2] === (isLeast ? '<=' : '>=')) return null;
  if (unit === '%' ? kind !== 'same' : unit === 'db' && kind !== 'sqnr') return null;
  if (kind === 'noise') return { noise: value };
  if (kind === 'kl') return { kl: value };
  if (kind === 'sqnr') return { sqnrDb: value };
  // A share above 1 can only be a percentage.
  const share = unit === '%' || value > 1 ? value / 100 : value;
  return share <= 1 ? { agreement: share } : null;
}

/** The measured number that the question is about; null where the network has none. */
export function qualityIn(quality: MeasuredQuality, { kl, agreement, sqnrDb }: Measured): number | null {
  if ('kl' in quality) return kl;
  return 'agreement' in quality ? agreement : sqnrDb;
}

export function isReached(quality: MeasuredQuality, value: number): boolean {
  if ('kl' in quality) return value <= quality.kl;
  return value >= ('agreement' in quality ? quality.agreement : quality.sqnrDb);
}

/** "an SQNR of 20 dB", "the same answer to 99 % of the inputs"; default: what is asked for. */
export function qualityWords(
  quality: MeasuredQuality,
  value = 'kl' in quality ? quality.kl : 'agreement' in quality ? quality.agreement : quality.sqnrDb,
): string {
  if ('kl' in quality) return `a KL divergence of ${value}`;
  return 'agreement' in quality
    ? `the same answer to ${percent(value)} of the inputs`
    : `an SQNR of ${value} dB`;
}

/** "KL divergence <= 0.05 nats; measured 0.048 nats". */
export function formatQuality(quality: Quality): string {
  if ('noise' in quality) return `a noise of at most ${quality.noise}`;
  const [asked, format] =
    'kl' in quality
      ? [`KL divergence <= ${quality.kl} nats`, (value: number) => `${value} nats`]
      : 'agreement' in quality
        ? [`same answers >= ${percent(quality.agreement)}`, percent]
        : [`SQNR >= ${quality.sqnrDb} dB`, (value: number) => `${value} dB`];
  const { measured } = quality;
  return measured === undefined ? asked : `${asked}; measured ${format(measured)}`;
}

const percent = (share: number): string => `${Number((100 * share).toFixed(2))} %`;
