/** What is known by measuring of given bits, and whether that is good enough to use. Page and extension share it. */
import type { BudgetSpec } from './budget';
import type { BitWidth } from '../core/problem/widths';
import type { Config, Contest, ContestEntry } from './types';

/** Against the float model, on the samples of the contest. */
export type Measured = Pick<ContestEntry, 'agreement' | 'kl' | 'sqnrDb'>;

/** A measurement of given bits, rounded as in an export, against the float model. */
export interface Evaluation {
  bits: BitWidth[];
  /** Share of equal answers, mean KL divergence in nats, signal over noise in dB; null where there is none. */
  agreement: number | null;
  kl: number | null;
  sqnrDb: number | null;
  /** Of the float model and of the quantized one, where the data has labels. */
  top1: [number, number] | null;
  bytes: number;
  samples: number;
  /** For people: "256 images in validation/". */
  data: string;
  /** How the weights were rounded. */
  rounding: string;
  /** ISO 8601. */
  date: string;
}

/** poor: a user who relied on the file would be wrong to; fair: worth a look. */
export type Verdict = 'good' | 'fair' | 'poor';

/** Least share of equal answers, and least SQNR in dB where the output has no answers. */
const GOOD = { agreement: 0.98, sqnrDb: 20 };
const FAIR = { agreement: 0.93, sqnrDb: 12 };

/** null where nothing was measured that says it. */
export function verdictOf({ agreement, kl, sqnrDb }: Measured): Verdict | null {
  if (agreement !== null) {
    return agreement >= GOOD.agreement ? 'good' : agreement >= FAIR.agreement ? 'fair' : 'poor';
  }
  if (sqnrDb === null) return kl === null || kl === 0 ? 'good' : null;
  return sqnrDb >= GOOD.sqnrDb ? 'good' : sqnrDb >= FAIR.sqnrDb ? 'fair' : 'poor';
}

/** The measurement of exactly these bits, whatever they were measured for; null where there is none. */
export function measuredOf(
  contest: Contest | null | undefined,
  bits: readonly (number | null)[],
): ContestEntry | null {
  return contest?.candidates.find((entry) => sameBits(entry.bits, bits)) ?? null;
}

export function sameBits(a: readonly (number | null)[], b: readonly (number | null)[]): boolean {
  return a.length === b.length && a.every((bits, i) => bits === b[i]);
}

export type MeasuredFile = NonNullable<Contest['curve']>[number];

/** The smallest measured file beyond `bytes` that is good, or else the smallest that is fair; null where none was found. */
export function remedyOf(contest: Contest | null | undefined, bytes: number): MeasuredFile | null {
  const larger = (contest?.curve ?? [])
    .filter((point) => point.bytes > bytes)
    .sort((a, b) => a.bytes - b.bytes);
  const first = (wanted: Verdict) => larger.find((point) => verdictOf(point) === wanted);
  return first('good') ?? first('fair') ?? null;
}

/** What a contest, or a plan, asks of every allocation. */
export type Question = Pick<Config['allocation'], 'budget' | 'widths' | 'pin' | 'limits'>;

export function questionOf({ budget, widths, pin, limits }: Question): Question {
  const isLimited = limits && Object.keys(limits).length > 0;
  return { budget, widths, pin, ...(isLimited ? { limits } : {}) };
}

export function sameQuestion(a: Question, b: Question): boolean {
  return canonicalQuestion(a) === canonicalQuestion(b);
}

function canonicalQuestion({ budget, widths, pin, limits }: Question): string {
  return JSON.stringify([
    budgetKey(budget),
    [...widths].sort((a, b) => a - b),
    pin ? [pin.first ?? 0, pin.last ?? 0] : [0, 0],
    Object.entries(limits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

function budgetKey(budget: BudgetSpec): [string, number][] {
  return Object.entries<number>(budget);
}

/** Candidates whose bits are the same stand once, under all their names, the first of them first. */
export function distinctEntries(
  entries: readonly ContestEntry[],
): { names: string[]; entry: ContestEntry }[] {
  const found: { names: string[]; entry: ContestEntry }[] = [];
  for (const entry of entries) {
    const same = found.find((each) => sameBits(each.entry.bits, entry.bits));
    if (same) same.names.push(entry.name);
    else found.push({ names: [entry.name], entry });
  }
  return found;
}
