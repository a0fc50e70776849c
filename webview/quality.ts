/** What was measured of the bits on show, and the words for it. Pure. */
import { formatSqnr } from '../src/config/quality';
import { measuredOf, type Evaluation, type Measured, type Verdict, verdictOf } from '../src/config/measured';
import type { BitWidth } from '../src/core/problem/widths';
import { formatPercent, plural, significant } from './format';
import { t } from './l10n';
import type { PanelState } from './protocol';

/** A measurement with where it comes from. */
export interface MeasuredBits extends Measured {
  verdict: Verdict | null;
  top1: Evaluation['top1'];
  /** Of what: samples, data, rounding. */
  note: string;
}

/** An evaluation of these bits, or else the contest's run of them; null: they were never measured. */
export function measuredBits(
  { evaluations = [], contest }: PanelState,
  bits: readonly (BitWidth | null)[],
): MeasuredBits | null {
  const run = evaluations.find((each) => each.bits.every((width, i) => width === bits[i]));
  if (run) return { ...run, verdict: verdictOf(run), note: noteOf(run.samples, run.rounding, run.data) };
  const entry = measuredOf(contest, bits);
  if (!entry || !contest) return null;
  const { samples, rounding } = contest;
  return { ...entry, verdict: verdictOf(entry), top1: null, note: noteOf(samples, rounding) };
}

function noteOf(samples: number, rounding: string, data?: string): string {
  if (data !== undefined) return t('{0}; rounding: {1}', data, rounding);
  return plural(
    samples,
    t('{0} input without label; rounding: {1}', samples, rounding),
    t('{0} inputs without labels; rounding: {1}', samples, rounding),
  );
}

/** The one number that tells most, short: "2.1 % of the answers change". */
export function headline({ agreement, kl, sqnrDb }: Measured): string {
  if (agreement !== null) {
    return agreement === 1
      ? t('no answer changes')
      : t('{0} of the answers change', formatPercent(1 - agreement));
  }
  if (sqnrDb !== null) return t('{0} signal over noise', formatSqnr(sqnrDb));
  return kl === null ? t('same outputs') : t('KL divergence {0}', significant(kl));
}

/** The same for a label on the curve: "2.1 % change", "23.4 dB". */
export function mark({ agreement, sqnrDb }: Measured): string {
  if (agreement !== null) return t('{0} change', formatPercent(1 - agreement));
  return sqnrDb === null ? '' : formatSqnr(sqnrDb);
}
