/** ORM -> how many bits each function deserves: gamma, theta and the weights c of the objective. */

/** The five decreasing functions phi of the paper's ablation: e^(-beta x), -log x, -x, -x^3, -e^x. */
export const DECAYS = ['exp', 'log', 'linear', 'cubic', 'negexp'] as const;
export type Decay = (typeof DECAYS)[number];

export interface ImportanceOptions {
  /** Default exp, the paper's best. */
  decay?: Decay;
  /** Steepness of exp; default 1. Not used by the others. */
  beta?: number;
  /** Divide gamma by L - 1 before phi, so that theta does not sharpen with the depth of the network. */
  normalised?: boolean;
}

export interface Importance {
  /** Sum of the function's ORM with all others, not normalised; 0 (orthogonal to all) .. L - 1. */
  gamma: Float64Array;
  /** phi(gamma), shifted and scaled: never negative, the largest is 1. */
  theta: Float64Array;
  /** c of the objective sum_i c_i b_i, scaled: never negative, the largest is 1. */
  weight: Float64Array;
}

/**
 * Importance of each function, Ma et al. 2023, section 3.3: theta_i = phi(gamma_i),
 * c_i = mean of theta_j over j >= i (network order).
 *
 * Scaling theta does not move the optimum, so every phi is scaled to a largest theta of 1; for exp this is done in the
 * exponent (e^(-beta (gamma - min gamma))), because e^(-beta gamma) underflows in deep networks. The other four reach
 * negative values, with which the optimum would be the lowest width everywhere; they are measured from phi(L - 1), the
 * value of a function that is wholly determined by the others: theta_i = phi(gamma_i) - phi(L - 1).
 *
 * @param orm L x L, row-major, in [0, 1]
 * @throws RangeError where the size does not match, a value is not finite or beta is negative
 */
export function importance(
  orm: Float64Array,
  functions: number,
  options: ImportanceOptions = {},
): Importance {
  return importanceOfGamma(sumOfOthers(orm, functions), options);
}

/** As `importance`, from gamma itself: a config keeps gamma, not the ORM matrix. */
export function importanceOfGamma(gamma: Float64Array, options: ImportanceOptions = {}): Importance {
  const { decay = 'exp', beta = 1, normalised = false } = options;
  const functions = gamma.length;
  if (!Number.isFinite(beta) || beta < 0) throw new RangeError(`beta must be 0 or more, not ${beta}.`);
  const most = Math.max(1, functions - 1);
  const x = normalised ? gamma.map((value) => value / most) : gamma;
  const theta = scaled(decayed(x, decay, beta, normalised ? 1 : most));
  return { gamma, theta, weight: scaled(suffixMeans(theta)) };
}

/** gamma_i = sum over j != i of ORM_ij. */
function sumOfOthers(orm: Float64Array, functions: number): Float64Array {
  if (!Number.isInteger(functions) || functions < 1 || orm.length !== functions * functions) {
    throw new RangeError(`An ORM matrix of ${orm.length} numbers does not belong to ${functions} functions.`);
  }
  const gamma = new Float64Array(functions);
  for (let i = 0; i < functions; i++) {
    for (let j = 0; j < functions; j++) if (j !== i) gamma[i] += orm[i * functions + j];
    if (!Number.isFinite(gamma[i])) throw new RangeError(`The ORM of function ${i} is not finite.`);
  }
  return gamma;
}

/** phi, shifted as described at `importance`, up to a positive factor. `most`: the largest x there can be. */
function decayed(x: Float64Array, decay: Decay, beta: number, most: number): Float64Array {
  const least = x.reduce((a, b) => Math.min(a, b), Infinity);
  switch (decay) {
    case 'exp':
      return x.map((value) => Math.exp(-beta * (value - least)));
    case 'log':
      // log 0 is infinite: a function that is orthogonal to all others counts as one with 1e-12 of the most.
      return x.map((value) => -Math.log(Math.max(value / most, 1e-12)));
    case 'linear':
      return x.map((value) => most - value);
    case 'cubic':
      return x.map((value) => 1 - (value / most) ** 3);
    case 'negexp':
      // (e^most - e^x) / e^most: e^x overflows in deep networks.
      return x.map((value) => -Math.expm1(value - most));
  }
}

/** c_i = (1 / (L - i + 1)) sum_{j >= i} theta_j. */
function suffixMeans(theta: Float64Array): Float64Array {
  const means = new Float64Array(theta.length);
  let sum = 0;
  for (let i = theta.length - 1; i >= 0; i--) {
    sum += theta[i];
    means[i] = sum / (theta.length - i);
  }
  return means;
}

/** Divided by the largest; all 1 where every value is 0 (or below, by rounding), which says that all are equal. */
function scaled(values: Float64Array): Float64Array {
  const largest = values.reduce((a, b) => Math.max(a, b), 0);
  return largest > 0 ? values.map((value) => Math.max(0, value) / largest) : values.map(() => 1);
}
