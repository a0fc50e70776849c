/** What each step of the pipeline may be told, and what scoring hands on. */
import type { Cache } from '../cache/cache';
import type { DataSpec } from '../calibration/inputs/spec';
import type { BudgetSpec } from '../config/budget';
import type { LatencyTable } from '../config/latency';
import type { Limits } from '../config/limits';
import type { Rules } from '../config/rules';
import type { Pins, Quality } from '../config/types';
import type { Noise, Objective } from '../core/allocation/objectives';
import type { BitWidth } from '../core/problem/widths';
import type { Decay } from '../core/scoring/importance';
import type { RequestOptions } from '../engine/client';
import type { ContestRequest, ExportRequest, InspectReply, Provider, ScoreReply } from '../engine/protocol';
import type { Granularity } from '../onnx/network/network';

export interface ScoreSettings {
  /** Absolute path. */
  model: string;
  data: DataSpec;
  /** How the preprocessing of pictures was guessed, where it was, in one sentence. */
  guess?: string;
  granularity: Granularity;
  /** Centred Gram matrices; false: the paper's formula. */
  centered: boolean;
  decay: Decay;
  beta: number;
  provider: Provider;
  /** Bytes; 0: half of the free memory. */
  memoryLimit: number;
}

export interface ScoreOptions extends RequestOptions {
  /** Where Gram matrices, and rounded layers, are kept between runs; absent: nowhere. */
  cache?: Cache;
  /** Called as soon as the model is known, to refuse what cannot be done before the work starts. */
  refuse?: (inspect: InspectReply) => void;
}

export interface Scored {
  settings: ScoreSettings;
  inspect: InspectReply;
  /** Where cached: the reply of the run that computed it. */
  score: ScoreReply;
  cached: boolean;
  /** L x L, row-major. */
  orm: Float64Array;
  gamma: Float64Array;
  theta: Float64Array;
  weight: Float64Array;
}

export interface AllocationSettings {
  objective: Objective;
  budget: BudgetSpec;
  widths: BitWidth[];
  /** Inputs that may share a scale, where layers can have that; [0] or none: all of an output do. Default: see groupsFor. */
  groups?: number[];
  pin: Pins | null;
  /** Bits that are given, by function name. */
  locks: Record<string, BitWidth>;
  /** Beside the budget. */
  limits?: Limits;
  /** The smallest file that meets this quality, in place of the budget; the objective is then noise-aware. */
  quality?: Quality;
  rules?: Rules;
  /** Groups of patterns whose functions get the same bits. */
  ties?: string[][];
  /** For limits on BOPs and activation memory; default 32. */
  activationBits?: number;
  /** Bits of the activations as part of the search, per function: these widths, in place of activationBits. */
  activationWidths?: number[];
  latency?: LatencyTable;
  /** Samples of the calibration data drawn again so many times, to see how often each function keeps its bits. */
  bootstrap?: number;
  /** How 'auto' compares. */
  contest?: ContestSettings;
}

/** What it takes to allocate: sizes, importance, and noise where the objective asks for it. */
export interface Measurements {
  inspect: InspectReply;
  gamma: Float64Array;
  weight: Float64Array;
  noise: Noise | null;
  activationNoise?: Noise;
  scoring: Pick<ScoreSettings, 'decay' | 'beta'>;
}

export interface ContestSettings {
  rounding: ContestRequest['rounding'];
  /** Time for the local search after the contest; 0: none. */
  searchSeconds: number;
}

export const QUICK_CONTEST: ContestSettings = { rounding: 'gptq', searchSeconds: 5 };
export interface ExportSettings {
  /** Absolute path of the file to write. */
  out: string;
  overwrite: boolean;
  rounding: ExportRequest['rounding'];
  scaleType: ExportRequest['scaleType'];
  /** Default 'auto'. */
  form?: ExportRequest['form'];
  /** Null: weights only. */
  activations: ExportRequest['activations'];
  /** Calibration samples for rounding and for ranges, at most. */
  samples: number;
  provider: Provider;
  /** Bytes; 0: half of the free memory. */
  memoryLimit: number;
  /** What outputs are, beside what the config says. */
  outputs?: DataSpec['outputs'];
}
