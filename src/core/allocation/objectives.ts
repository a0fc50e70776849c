/** Allocations by every objective at the same size. */
import type { Allocation, AllocationProblem, Certificate } from '../problem/problem';
import type { Value } from '../problem/program';
import { type Decay, importanceOfGamma } from '../scoring/importance';
import { allocate, bitsTimesWeight } from './allocation';
import { allocateNoiseAware, noiseOf } from './noiseObjective';
import { allocateUniform } from './uniform';

export const OBJECTIVES = ['auto', 'orthogonality', 'noise-aware', 'orthogonality-noise', 'uniform'] as const;
/** auto: whichever of the others measures best on the user's own data. */
export type Objective = (typeof OBJECTIVES)[number];
export type FixedObjective = Exclude<Objective, 'auto'>;

/** Noise per function and width; widths that leave a weight alone make none. */
export type Noise = readonly Readonly<Record<number, number>>[];

export interface Candidate {
  /** As the config and the panel name it. */
  name: string;
  objective: FixedObjective;
  beta?: number;
  allocation: Allocation;
}

/** Steepness of the importance that weighs the noise; gamma is normalised to 0..1, so that these suit any depth. */
const BETAS = [1, 4];

export const NEEDS_NOISE: ReadonlySet<Objective> = new Set(['auto', 'noise-aware', 'orthogonality-noise']);

/** What every objective needs of a scored network. */
export interface AllocationInputs {
  /** With the paper's importance as weights, and with noise where it was measured. */
  problem: AllocationProblem;
  gamma: Float64Array;
  scoring: { decay: Decay; beta: number };
}

/** The exact answer of one objective. @throws InfeasibleBudgetError, ProblemError */
export function allocateByObjective(
  objective: FixedObjective,
  inputs: AllocationInputs,
  beta = inputs.scoring.beta,
): Allocation {
  const { problem } = inputs;
  switch (objective) {
    case 'orthogonality':
      return allocate(problem);
    case 'noise-aware':
      return allocateNoiseAware(problem, 'noise-aware');
    case 'orthogonality-noise':
      return weighted(inputs, beta);
    case 'uniform': {
      const start = performance.now();
      const uniform = allocateUniform(problem);
      // No single width fits, but perhaps a mixture does: the paper's allocation says what is possible, or why not.
      return uniform ? { ...uniform, solver: uniformCertificate(uniform, start) } : allocate(problem);
    }
  }
}

/** What a choice adds to the sum that an objective maximises; noise counts against it. */
export function valueOf(
  objective: FixedObjective,
  gamma: Float64Array,
  scoring: { decay: Decay; beta: number },
): Value {
  if (objective === 'orthogonality' || objective === 'uniform') return bitsTimesWeight;
  const noise = noiseOf(objective);
  if (objective === 'noise-aware') return (candidate, choice) => -noise(candidate, choice);
  const { weight } = importanceOfGamma(gamma, { ...scoring, normalised: true });
  return (candidate, choice, i) => -noise({ ...candidate, weight: weight[i] }, choice);
}

function weighted({ problem, gamma, scoring }: AllocationInputs, beta: number): Allocation {
  const { candidates } = problem;
  const { weight } = importanceOfGamma(gamma, { decay: scoring.decay, beta, normalised: true });
  const reweighted = { ...problem, candidates: candidates.map((c, i) => ({ ...c, weight: weight[i] })) };
  return allocateNoiseAware(reweighted, 'orthogonality-noise');
}

/** The largest width that fits is found by trying: nothing is left to prove. */
function uniformCertificate({ averageBits }: Pick<Allocation, 'averageBits'>, start: number): Certificate {
  const milliseconds = performance.now() - start;
  return { status: 'optimal', objective: averageBits, bound: averageBits, gap: 0, milliseconds };
}

/**
 * Noise-aware, noise weighted by orthogonality, the paper's, and uniform where there is such a one. Mostly the best come first:
 * what is clearly worse than one that has been run is soon given up.
 */
export function candidatesOf(inputs: AllocationInputs): Candidate[] {
  const of = (objective: FixedObjective): Candidate => {
    return { name: objective, objective, allocation: allocateByObjective(objective, inputs) };
  };
  const start = performance.now();
  const uniform = allocateUniform(inputs.problem);
  return [
    of('noise-aware'),
    ...BETAS.map((beta) => ({
      name: `orthogonality-noise, beta ${beta}`,
      objective: 'orthogonality-noise' as const,
      beta,
      allocation: allocateByObjective('orthogonality-noise', inputs, beta),
    })),
    of('orthogonality'),
    ...(uniform
      ? [
          {
            name: 'uniform',
            objective: 'uniform' as const,
            allocation: { ...uniform, solver: uniformCertificate(uniform, start) },
          },
        ]
      : []),
  ];
}
