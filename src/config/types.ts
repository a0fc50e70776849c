/** What a config holds. Types only, so that the page of the bit map can use them, too. */
import type { OutputChoice } from '../onnx/network/outputs';
import type { Decay } from '../core/scoring/importance';
import type { FixedObjective, Objective } from '../core/allocation/objectives';
import type { PinnedEnds } from '../core/allocation/pins';
import type { Proof } from '../core/problem/problem';
import type { BitWidth } from '../core/problem/widths';
import type { Branches, Granularity } from '../onnx/network/network';
import type { BudgetSpec } from './budget';
import type { Limits } from './limits';
import type { Rules } from './rules';

/** Widths whose noise a config keeps, in the order of ConfigFunction.noise. */
export const NOISE_WIDTHS = [2, 3, 4, 5, 6, 7, 8] as const;

/** Allocations of at most the same size, quantized and run without labels. */
export interface Contest {
  rounding: 'nearest' | 'gptq' | 'reconstruct';
  samples: number;
  /** Were the samples kept out of rounding? */
  heldOut: boolean;
  /** It was stopped before all candidates (or all swaps) had been tried. */
  stopped?: boolean;
  /** What every candidate had to keep; the config may have been changed since. */
  asked?: { budget: BudgetSpec; widths: BitWidth[]; pin: Pins | null; limits?: Limits };
  /** Name of the candidate that the config holds. */
  chosen: string;
  candidates: ContestEntry[];
  /** Noise-aware allocations of other sizes, measured alike: what more or less would cost. */
  curve?: (MeasuredSize & { bytes: number; averageBits: number })[];
}

/** Against the float model: mean KL divergence in nats, share of equal answers, dB; null where there is none. */
export interface MeasuredSize {
  kl: number | null;
  agreement: number | null;
  sqnrDb: number | null;
  /** What it was ranked by: mean over the outputs of KL, or of noise over signal; absent in older configs. */
  cost?: number;
}

export interface ContestEntry extends MeasuredSize {
  name: string;
  objective: FixedObjective;
  beta?: number;
  bytes: number;
  averageBits: number;
  bits: BitWidth[];
  /** Inputs that share a scale per function, where some have groups; 0: all. */
  groups?: number[];
  /** Inputs it was run on where that are fewer than all: it was clearly worse than another. */
  samples?: number;
}

/** How far the bits depend on which samples were scored. */
export interface Robustness {
  /** How many times the samples were drawn again, and the program solved. */
  draws: number;
  /** Per function, the share of draws in which it kept its bits. */
  kept: number[];
}

/** What the budget was found for: the smallest file that meets this quality. */
export type Quality =
  | { noise: number }
  /** At most so many nats of KL divergence from the float model; measured: of these bits. */
  | { kl: number; measured?: number }
  /** At least so many dB of signal over noise. */
  | { sqnrDb: number; measured?: number }
  /** At least this share of the float model's answers. */
  | { agreement: number; measured?: number };

/** One that takes running the quantized model. */
export type MeasuredQuality = Exclude<Quality, { noise: number }>;

export type Pins = PinnedEnds;

export interface ConfigFunction {
  name: string;
  bits: BitWidth;
  /** Inputs that share a scale; absent: all of an output's. */
  group?: number;
  lock: boolean;
  layers: string[];
  params: number;
  macs: number | null;
  gamma: number;
  importance: number;
  /** Relative output error at each of NOISE_WIDTHS, where it was measured. */
  noise?: number[];
  /** The same with groups of so many inputs, at the first of NOISE_WIDTHS, where it was measured. */
  groupNoise?: Record<string, number[]>;
  /** Bits of the activations that it reads, where they were part of the search, and the noise of each width. */
  activationBits?: number;
  activationNoise?: Record<string, number>;
  /** Run time at each width, where a table was given. */
  milliseconds?: Record<string, number>;
  bytes: number;
}

export interface Config {
  version: 1;
  model: { file: string; sha256: string; bytes: number };
  calibration: {
    /** Relative to the config; null: synthetic. */
    path: string | null;
    samples: number;
    seed: number;
    shapes: Record<string, number[]>;
    preprocessing: {
      preset: 'imagenet' | 'cifar10' | 'signed' | 'efficientnet-lite' | 'unit' | 'raw';
      mean?: number[];
      std?: number[];
      resize?: 'crop' | 'stretch' | 'pad';
      crop?: number;
      layout?: 'NCHW' | 'NHWC';
      channels?: 'RGB' | 'BGR';
    };
    /** What that did to the pictures that were scored, in one line. */
    preparation?: string;
    /** Inputs that have one value in all samples. */
    values?: Record<string, number>;
    /** What outputs of the model are, where the user has said so. */
    outputs?: Record<string, OutputChoice>;
    /** Branches that the samples take in Ifs with layers. */
    branches?: Branches;
  };
  scoring: { granularity: Granularity; centered: boolean; decay: Decay; beta: number; provider: string };
  allocation: {
    objective: Objective;
    budget: BudgetSpec;
    widths: BitWidth[];
    /** Group sizes that the search may give a scale of their own; absent: none. */
    groups?: number[];
    pin: Pins | null;
    limits?: Limits;
    quality?: Quality;
    rules?: Rules;
    /** Groups of patterns. */
    ties?: string[][];
    /** Bits of the activations that limits on BOPs and activation memory count with; absent: 32. */
    activationBits?: number;
    /** Widths that the activations may take, per function; the first and the last keep 8. */
    activationWidths?: number[];
    /** Run time of what has no bits, for a limit on latency. */
    restMilliseconds?: number;
  };
  functions: ConfigFunction[];
  contest?: Contest;
  robustness?: Robustness;
  totals: { bytes: number; budgetBytes: number; fixedBytes: number; averageBits: number; params: number };
  solver: Proof & { bits: BitWidth[] };
}
