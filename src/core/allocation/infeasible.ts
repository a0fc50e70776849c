/** Why no allocation fits, and what would help. */
import { roundedUp } from '../../common/sizes';
import { grouped, listed } from '../../common/words';
import { isAllowed } from '../problem/limits';
import type { AllocationProblem, Budget, Choice, FixedBy, Width } from '../problem/problem';
import { formulate } from '../problem/program';
import type { BitWidth } from '../problem/widths';
import { minimum } from '../solver/reduce';

/** A pinned, ruled or locked function that could use less of a limit if it were released. */
export interface Blocker {
  /** Index of the candidate. */
  index: number;
  name: string;
  fixedBy: FixedBy;
  bits: BitWidth;
  /** In the unit of the limit: bytes, bits on average, BOPs, milliseconds. */
  saves: number;
}

/** A limit that cannot be kept, whatever the others are. */
export interface Shortfall {
  budget: Budget;
  /** The least that any allocation can do, in the unit of the limit. */
  smallest: number;
  /** The least with every pin and lock released. */
  smallestIfReleased: number;
  /** By falling saving. */
  blockers: Blocker[];
}

/** No allocation keeps the budgets. The message is a complete text for people. */
export class InfeasibleBudgetError extends Error {
  override name = 'InfeasibleBudgetError';

  constructor(
    message: string,
    /** Budgets that cannot be kept even alone. */
    readonly shortfalls: Shortfall[],
    /** Budgets that cannot be kept together although each alone can; empty where there are shortfalls. */
    readonly conflict: Budget[],
    /** Size of the smallest file and smallest average bit-width, whatever the other limits. */
    readonly smallestBytes: number,
    readonly smallestAverageBits: number,
  ) {
    super(message);
  }
}

/** The error for a problem whose budgets cannot be kept. */
export function infeasibleBudget(
  problem: AllocationProblem,
  conflict: Budget[] = problem.budgets,
): InfeasibleBudgetError {
  const shortfalls = problem.budgets.flatMap((budget) => shortfallOf(problem, budget) ?? []);
  const together = listed(conflict.map((budget) => amount(budget.kind, limitOf(budget))));
  return infeasible(
    problem,
    shortfalls.length > 0
      ? shortfalls.map((each) => describe(each, problem)).join(' ')
      : `No allocation keeps ${together} together, although each alone can be kept. Raise one of these limits.`,
    shortfalls.length > 0 ? [] : conflict,
    shortfalls,
  );
}

/** The error with these words; see the fields of `InfeasibleBudgetError`. */
export function infeasible(
  problem: AllocationProblem,
  message: string,
  conflict: Budget[],
  shortfalls: Shortfall[] = [],
): InfeasibleBudgetError {
  return new InfeasibleBudgetError(
    message,
    shortfalls,
    conflict,
    leastOf(problem, { kind: 'bytes', bytes: 0 }).inUnit,
    leastOf(problem, { kind: 'averageBits', bits: 0 }).inUnit,
  );
}

/** What helps beside a higher limit. */
const REMEDIES: Record<Budget['kind'], string> = {
  bytes: 'allow lower bit-widths',
  averageBits: 'allow lower bit-widths',
  bops: 'allow lower bit-widths',
  latency: 'allow the bit-widths that run fastest',
  noise: 'allow wider bit-widths',
  activationBytes: 'give the activations fewer bits',
};

const FIXED: Record<FixedBy, string> = { pin: 'pinned', rule: 'held by a rule', lock: 'locked' };

function describe(
  { budget, smallest, smallestIfReleased, blockers }: Shortfall,
  { fixedBytes }: AllocationProblem,
): string {
  const limit = limitOf(budget);
  const float =
    budget.kind === 'bytes' && 2 * fixedBytes > smallest
      ? `, ${grouped(fixedBytes)} of them for what is not quantized`
      : '';
  const problem = `No allocation keeps within ${amount(budget.kind, limit)}: the least possible is ${amount(budget.kind, smallest)}${float}.`;
  if (blockers.length === 0) return `${problem} Raise the limit or ${REMEDIES[budget.kind]}.`;
  const shown = blockers.slice(0, 3).map((b) => `${b.name} (${FIXED[b.fixedBy]} at ${b.bits} bits)`);
  const names = listed(blockers.length > 3 ? [...shown, `${blockers.length - 3} more`] : shown);
  const enough = smallestIfReleased <= limit ? 'which is enough' : 'which is still not enough';
  return `${problem} Releasing ${names} brings it down to ${amount(budget.kind, smallestIfReleased)}, ${enough}.${remedyOf(blockers)}`;
}

/** Which option releases what is in the way. */
function remedyOf(blockers: readonly Blocker[]): string {
  const pins = blockers.filter(({ fixedBy }) => fixedBy === 'pin');
  if (pins.length === 0) return '';
  const lower = pins.slice(0, 2).map(({ index }) => `${index === 0 ? 'first' : 'last'}=4`);
  return ` Give --no-pin or, for example, --pin ${[...new Set(lower)].sort().join(',')} (in VS Code the settings ompq.pinFirst and ompq.pinLast).`;
}

function shortfallOf(problem: AllocationProblem, budget: Budget): Shortfall | null {
  const least = leastOf(problem, budget);
  if (least.fits) return null;
  const free = (c: Width): Choice[] => (c.fixedBy && c.ifReleased?.length ? c.ifReleased : c.choices);
  const candidates = problem.candidates.map((c) => ({ ...c, choices: free(c) }));
  const blockers = problem.candidates.flatMap((c, index): Blocker[] => {
    if (!c.fixedBy || !c.ifReleased?.length) return [];
    // Tied functions are only released together; each then shows its own part of the saving.
    const alone = (choices: Choice[]): AllocationProblem => ({
      ...problem,
      candidates: [{ ...c, choices }],
      ties: [],
    });
    const params = problem.candidates.reduce((sum, { params }) => sum + params, 0);
    const share = budget.kind === 'averageBits' ? c.params / params : 1;
    const saves =
      (leastOf(alone(c.choices), budget).inUnit - leastOf(alone(c.ifReleased), budget).inUnit) * share;
    return saves > 0 ? [{ index, name: c.name, fixedBy: c.fixedBy, bits: c.choices[0].bits, saves }] : [];
  });
  blockers.sort((a, b) => b.saves - a.saves || a.index - b.index);
  const smallestIfReleased = leastOf({ ...problem, candidates }, budget).inUnit;
  return { budget, smallest: least.inUnit, smallestIfReleased, blockers };
}

/** The least that any allocation uses of one limit, the other limits left out. */
export function leastOf(problem: AllocationProblem, budget: Budget): { inUnit: number; fits: boolean } {
  if (budget.kind === 'activationBytes') {
    const least = problem.candidates.map(({ choices }) =>
      choices.reduce((a, { activationBytes = 0 }) => Math.min(a, activationBytes), Infinity),
    );
    const one = { ...problem, budgets: [budget] };
    return {
      inUnit: least.reduce((a, b) => Math.max(a, b), 0),
      fits: problem.candidates.every((c) => c.choices.some((choice) => isAllowed(one, c, choice))),
    };
  }
  const { rows, program } = formulate({ ...problem, budgets: [budget] }, () => 0);
  const total = program.groups.reduce((sum, group) => sum + minimum(group.use[0]), 0);
  return { inUnit: total * rows[0].unit + rows[0].outside, fits: total <= rows[0].capacity };
}

export function limitOf(budget: Budget): number {
  switch (budget.kind) {
    case 'bytes':
    case 'activationBytes':
      return budget.bytes;
    case 'averageBits':
      return budget.bits;
    case 'bops':
      return budget.bops;
    case 'latency':
      return budget.milliseconds;
    case 'noise':
      return budget.noise;
  }
}

/** "1,234,567 bytes", "3.25 bits on average", ... */
export function amount(kind: Budget['kind'], value: number): string {
  switch (kind) {
    case 'bytes':
      return `${grouped(Math.round(value))} bytes`;
    case 'activationBytes':
      return `${grouped(Math.round(value))} bytes of activations`;
    case 'averageBits':
      // Never less than it is: as a budget, what is printed has to do.
      return `${roundedUp(value, 4)} bits on average`;
    case 'bops':
      return `${grouped(Math.round(value))} bit operations`;
    case 'latency':
      return `${Number(value.toPrecision(4))} ms`;
    case 'noise':
      return `a noise of ${Number(value.toPrecision(4))}`;
  }
}
