/** Budgets -> rows of whole numbers, so that "within the limits" is a question without rounding. */
import type { AllocationProblem, Budget, Choice, Width } from './problem';

/** sum over candidates of use(chosen) <= capacity; all whole numbers. */
export interface Row {
  budget: Budget;
  /** What the choices may use together; what lies outside the search is taken off. May be negative. */
  capacity: number;
  use(candidate: Width, choice: Choice): number;
  /** In the unit of the budget: what all choices use together, times `unit`, plus `outside`. */
  unit: number;
  outside: number;
}

/** An allocation problem that is not one: a programming or configuration error, in one sentence. */
export class ProblemError extends Error {
  override name = 'ProblemError';
}

/** The limits that add up. @throws ProblemError for numbers that are missing, not finite or not whole */
export function limitRows(problem: AllocationProblem): Row[] {
  return problem.budgets.flatMap((budget): Row[] => {
    switch (budget.kind) {
      case 'bytes':
        return [
          {
            budget,
            capacity: floorOf(budget.bytes, 'size') - whole(problem.fixedBytes, 'fixedBytes'),
            use: (candidate, { bytes }) => whole(bytes, `bytes of ${candidate.name}`),
            unit: 1,
            outside: problem.fixedBytes,
          },
        ];
      case 'averageBits':
        return [averageBitsRow(budget, problem.candidates)];
      case 'bops':
        return [
          {
            budget,
            capacity: floorOf(budget.bops, 'BOPs'),
            use: (candidate, { bops }) => whole(given(bops, 'BOPs', candidate), `BOPs of ${candidate.name}`),
            unit: 1,
            outside: 0,
          },
        ];
      case 'latency':
        return [
          {
            budget,
            capacity:
              floorOf(budget.milliseconds * 1e6, 'latency') -
              Math.ceil((problem.fixedMilliseconds ?? 0) * 1e6),
            use: (candidate, { milliseconds }) =>
              whole(
                Math.ceil(given(milliseconds, 'latency', candidate) * 1e6),
                `latency of ${candidate.name}`,
              ),
            unit: 1e-6,
            outside: problem.fixedMilliseconds ?? 0,
          },
        ];
      case 'noise':
        return [noiseRow(budget)];
      case 'activationBytes':
        return [];
    }
  });
}

/** Limits that no single choice may exceed, whatever the others are. */
export function isAllowed(problem: AllocationProblem, candidate: Width, choice: Choice): boolean {
  return problem.budgets.every(
    (budget) =>
      budget.kind !== 'activationBytes' ||
      given(choice.activationBytes, 'activation memory', candidate) <= budget.bytes,
  );
}

/** In units of 2^-34 of the limit, rounded up: what keeps the row keeps the limit. */
function noiseRow(budget: Extract<Budget, { kind: 'noise' }>): Row {
  if (!(budget.noise > 0))
    throw new ProblemError(`The limit on noise must be positive, not ${budget.noise}.`);
  const unit = Math.min(budget.noise, Number.MAX_VALUE) / 2 ** 34;
  return {
    budget,
    capacity: 2 ** 34,
    // So much more than the limit need not be told apart, and sums stay exact.
    use: (candidate, { noise }) => Math.min(2 ** 43, Math.ceil(given(noise, 'noise', candidate) / unit)),
    unit,
    outside: 0,
  };
}

/** bits is taken as the decimal it prints as: params x bits is exact then, so an average of 4 or 3.3 is met exactly. */
function averageBitsRow(budget: Extract<Budget, { kind: 'averageBits' }>, candidates: Width[]): Row {
  const { numerator, denominator } = decimal(budget.bits);
  const params = candidates.reduce((sum, c) => sum + BigInt(whole(c.params, `params of ${c.name}`)), 0n);
  const product = params * numerator;
  const capacity = product >= 0n ? product / denominator : -((-product + denominator - 1n) / denominator);
  return {
    budget,
    capacity: Number(capacity),
    use: (candidate, { bits, groupBits = 0 }) => candidate.params * bits + groupBits,
    unit: params > 0n ? 1 / Number(params) : 0,
    outside: 0,
  };
}

/** "3.3" -> 33 / 10. */
function decimal(value: number): { numerator: bigint; denominator: bigint } {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (!match) throw new ProblemError(`The average bit-width must be a number, not ${value}.`);
  const [, sign, integer, fraction = '', exponent = '0'] = match;
  const digits = BigInt(sign + integer + fraction);
  const power = Number(exponent) - fraction.length;
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

function given(value: number | undefined, what: string, candidate: Width): number {
  if (value === undefined || !Number.isFinite(value) || value < 0) {
    throw new ProblemError(
      `A limit on ${what} needs the ${what} of every choice; ${candidate.name} has ${value ?? 'none'}.`,
    );
  }
  return value;
}

function whole(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ProblemError(`The ${what} must be a whole number and not negative, not ${value}.`);
  }
  return value;
}

/** The largest whole number within the limit; a limit that nothing can exceed stays a number that can be counted with. */
function floorOf(limit: number, what: string): number {
  if (Number.isNaN(limit)) throw new ProblemError(`The limit on ${what} must be a number.`);
  return Math.floor(Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, limit)));
}
