/** The first and the last function of a network: their widths outside the search, or how narrow the search may make them. */
import type { FunctionFacts } from '../problem/facts';
import type { AllocationProblem, Budget, Width } from '../problem/problem';
import type { BitWidth } from '../problem/widths';
import { leastOf } from './infeasible';

/** What decides whether a pin is cheap. */
interface Sizes {
  functions: readonly Pick<FunctionFacts, 'params' | 'bytes'>[];
  ties: readonly (readonly number[])[];
  budget: Budget | readonly Budget[];
  fixedBytes: number;
}

/** A width by hand; auto: see `endsToTry`; absent: part of the search. */
export type Pin = BitWidth | 'auto';

export interface PinnedEnds {
  first?: Pin;
  last?: Pin;
}

/** Where nothing is asked for by hand: the width of an end that costs little, and the least of one that does not. */
const AUTO_PIN: BitWidth = 8;
const AUTO_FLOOR: BitWidth = 4;
/** Below AUTO_FLOOR bits on average a costly end keeps about the average: more would be taken from all others (docs/rounding.md). */
const LEAST_FLOOR: BitWidth = 2;
/** An end costs little where it takes at most this share of the weight bytes of the budget. */
const AUTO_SHARE = 1 / 20;

/** What is decided of an end. */
export interface End {
  /** Index of the function. */
  index: number;
  /** Its only width. */
  bits?: BitWidth;
  /** Its least width in the search. */
  floor?: BitWidth;
  isAuto: boolean;
}

/**
 * The ends as settings ask for them; then, for budgets that cannot be kept so, with what nobody has asked for taken back
 * step by step: an automatic pin becomes a floor, a floor goes.
 */
export function endsToTry(pins: PinnedEnds | null, sizes: Sizes): End[][] {
  const last = sizes.functions.length - 1;
  const ends: End[] = [];
  const add = (index: number, pin: Pin | undefined): void => {
    // The only function of a network is its first.
    if (pin === undefined || index < 0 || ends.some((end) => end.index === index)) return;
    ends.push(pin === 'auto' ? autoEnd(index, sizes) : { index, bits: pin, isAuto: false });
  };
  add(0, pins?.first);
  add(last, pins?.last);
  if (!ends.some(({ isAuto }) => isAuto)) return [ends];
  const loosened = (change: Partial<End>): End[] =>
    ends.map((end) => (end.isAuto ? { index: end.index, isAuto: true, ...change } : end));
  return [ends, loosened({ floor: floorOf(sizes) }), loosened({})];
}

/** 4 bits, or what the budget leaves on average where that is less. */
function floorOf(sizes: Sizes): BitWidth {
  const params = sizes.functions.reduce((sum, f) => sum + f.params, 0);
  const average = Math.round((8 * weightBytes(sizes)) / Math.max(1, params));
  return Math.max(LEAST_FLOOR, Math.min(AUTO_FLOOR, average)) as BitWidth;
}

function autoEnd(index: number, sizes: Sizes): End {
  const { functions, ties } = sizes;
  // What is tied to it gets the same width.
  const group = ties.find((tie) => tie.includes(index)) ?? [index];
  const bytes = group.reduce((sum, i) => sum + (functions[i].bytes[AUTO_PIN] ?? 0), 0);
  return bytes <= AUTO_SHARE * weightBytes(sizes)
    ? { index, bits: AUTO_PIN, isAuto: true }
    : { index, floor: floorOf(sizes), isAuto: true };
}

/** What the tightest budget of size leaves for weights; Infinity where none limits it. */
function weightBytes({ functions, budget, fixedBytes }: Sizes): number {
  const params = functions.reduce((sum, f) => sum + f.params, 0);
  const ofBudget = (each: Budget): number => {
    if (each.kind === 'bytes') return each.bytes - fixedBytes;
    return each.kind === 'averageBits' ? (params * each.bits) / 8 : Infinity;
  };
  return Math.min(...[budget].flat().map(ofBudget));
}

/** Can every budget be kept by itself? */
export function canBeKept(problem: AllocationProblem): boolean {
  return problem.budgets.every((budget) => leastOf(problem, budget).fits);
}

/** Pins of a problem in place of automatic ones, so that they are the same at every budget. */
export function decidedPins({ candidates }: AllocationProblem, pins: PinnedEnds | null): PinnedEnds | null {
  const decided = (pin: Pin | undefined, candidate: Width | undefined): Pin | undefined =>
    pin === 'auto' ? (candidate?.fixedBy === 'pin' ? candidate.choices[0].bits : undefined) : pin;
  const first = decided(pins?.first, candidates[0]);
  const last = decided(pins?.last, candidates.at(-1));
  return { ...(first === undefined ? {} : { first }), ...(last === undefined ? {} : { last }) };
}

/** What pinned functions take, and what that leaves. */
export interface PinCost {
  /** Indices of the pinned functions. */
  pinned: number[];
  /** Their bytes, and their share of all weight bytes. */
  bytes: number;
  share: number;
  /** Average bits of the pinned functions' weights, and of all others'. */
  pinnedBits: number;
  otherBits: number;
}

/** Of an allocation; null where nothing is pinned. @param bits one width per candidate */
export function pinCost({ candidates }: AllocationProblem, bits: readonly BitWidth[]): PinCost | null {
  const pinned = candidates.flatMap(({ fixedBy }, i) => (fixedBy === 'pin' ? [i] : []));
  if (pinned.length === 0) return null;
  const all = candidates.map(({ choices, params }, i) => ({
    bytes: choices.find((choice) => choice.bits === bits[i])?.bytes ?? 0,
    params,
    weighed: params * bits[i],
    isPinned: candidates[i].fixedBy === 'pin',
  }));
  const sum = (of: 'bytes' | 'params' | 'weighed', isPinned: boolean): number =>
    all.filter((each) => each.isPinned === isPinned).reduce((total, each) => total + each[of], 0);
  const bytes = sum('bytes', true);
  return {
    pinned,
    bytes,
    share: bytes / Math.max(1, bytes + sum('bytes', false)),
    pinnedBits: sum('weighed', true) / Math.max(1, sum('params', true)),
    otherBits: sum('weighed', false) / Math.max(1, sum('params', false)),
  };
}
