/** What a config holds. Types only, so that the page of the bit map can use them, too. */
import type { Decay } from '../core/importance';
import type { FixedObjective, Objective } from '../core/objectives';
import type { Certificate } from '../core/problem';
import type { BitWidth } from '../core/widths';
import type { Granularity } from '../onnx/network';
import type { BudgetSpec } from './budget';

/** Widths whose noise a config keeps, in the order of ConfigFunction.noise. */
export const NOISE_WIDTHS = [2, 3, 4, 5, 6, 7, 8] as const;

/** Allocations of the same size, quantized and run without labels. */
export interface Contest {
  rounding: 'nearest' | 'gptq' | 'reconstruct';
  samples: number;
  /** Were the samples kept out of rounding? */
  heldOut: boolean;
  /** Name of the candidate that the config holds. */
  chosen: string;
  candidates: ContestEntry[];
}

export interface ContestEntry {
  name: string;
  objective: FixedObjective;
  beta?: number;
  bytes: number;
  averageBits: number;
  /** Against the float model: mean KL divergence in nats, share of equal answers, dB; null where there is none. */
  kl: number | null;
  agreement: number | null;
  sqnrDb: number | null;
  bits: BitWidth[];
}

export interface Pins {
  first?: BitWidth;
  last?: BitWidth;
}

export interface ConfigFunction {
  name: string;
  bits: BitWidth;
  lock: boolean;
  layers: string[];
  params: number;
  macs: number | null;
  gamma: number;
  importance: number;
  /** Relative output error at each of NOISE_WIDTHS, where it was measured. */
  noise?: number[];
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
      preset: 'imagenet' | 'cifar10' | 'unit' | 'raw';
      mean?: number[];
      std?: number[];
      resize?: 'crop' | 'stretch' | 'pad';
      layout?: 'NCHW' | 'NHWC';
      channels?: 'RGB' | 'BGR';
    };
  };
  scoring: { granularity: Granularity; centered: boolean; decay: Decay; beta: number; provider: string };
  allocation: { objective: Objective; budget: BudgetSpec; widths: BitWidth[]; pin: Pins | null };
  functions: ConfigFunction[];
  contest?: Contest;
  totals: { bytes: number; budgetBytes: number; fixedBytes: number; averageBits: number; params: number };
  solver: Certificate & { bits: BitWidth[] };
}
