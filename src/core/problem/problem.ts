/** The allocation problem: which width each function gets, within limits; and its answer with a certificate. */
import type { BitWidth } from './widths';

/** One way to store (and run) a function. Costs are for this function alone; the limits add them up. */
export interface Choice {
  bits: BitWidth;
  /** Inputs that share a scale; absent: all inputs of an output do. */
  group?: number;
  /** Bits that the scales of its groups take beyond one scale an output: an average counts them. */
  groupBits?: number;
  /** Bytes on disk: packed codes, scales and the nodes that unpack them. A whole number. */
  bytes: number;
  /**
   * eps_i(b): what the model's outputs would cost with the function's weights alone so, plus that of its inputs where their
   * bits are part of the search. For the noise objectives.
   */
  noise?: number;
  /** Bits of the activations that the function reads, where they are part of the search. */
  activationBits?: number;
  /** Bit operations: multiply-accumulates x weight bits x activation bits. Needed for a limit on BOPs. */
  bops?: number;
  /** Measured or given run time. Needed for a limit on latency. */
  milliseconds?: number;
  /** Memory of the activations that are alive while the function runs. Needed for a limit on activation memory. */
  activationBytes?: number;
}

/** pin: an end of the network; rule: by name or operator; lock: by hand. */
export type FixedBy = 'pin' | 'rule' | 'lock';

/** One function of the allocation problem. */
export interface Width {
  name: string;
  /** c_i of the objective sum_i c_i b_i; any finite number (the solver rescales). */
  weight: number;
  /** Weight elements; the average bit-width is counted over these. */
  params: number;
  /** Allowed choices, at least one, by rising bits. A pinned or locked function has exactly one (per activation width). */
  choices: Choice[];
  /** Why only one choice is left, for messages about infeasible budgets. */
  fixedBy?: FixedBy;
  /** What a fixed function could choose from if it were released, for the same messages. */
  ifReleased?: Choice[];
}

/** One limit; all of a problem's limits hold together. */
export type Budget =
  /** The whole file, fixedBytes included. */
  | { kind: 'bytes'; bytes: number }
  /** sum params_i b_i <= bits * sum params_i, over all functions, exactly as the number reads in decimal. */
  | { kind: 'averageBits'; bits: number }
  /** Sum of bops. */
  | { kind: 'bops'; bops: number }
  /** Sum of milliseconds, fixedMilliseconds included; counted in whole nanoseconds, each function rounded up. */
  | { kind: 'latency'; milliseconds: number }
  /** Sum of noise, each choice rounded up by less than 1e-10 of the limit. */
  | { kind: 'noise'; noise: number }
  /** The largest activationBytes of any function. */
  | { kind: 'activationBytes'; bytes: number };

/** maximise sum_i weight_i bits_i  s.t.  all budgets; one choice per function; tied functions equal. */
export interface AllocationProblem {
  candidates: Width[];
  /** Groups of candidate indices that must get the same bits (and activation bits). */
  ties: number[][];
  /** Bytes of the file that no choice changes. */
  fixedBytes: number;
  /** Run time of what is outside the search; 0 where left out. */
  fixedMilliseconds?: number;
  budgets: Budget[];
}

/** What is proven of an answer. */
export interface Proof {
  /** optimal: proven, but for rounding; feasible: within the limits, and no better than `bound` is possible. */
  status: 'optimal' | 'feasible';
  /** The objective of the answer, in the weights given. */
  objective: number;
  /** Proven: no allocation within the limits is better than this. */
  bound: number;
  /** |bound - objective|, relative to the sum of the |terms| of the objective. */
  gap: number;
}

export interface Certificate extends Proof {
  milliseconds: number;
}

export interface Allocation {
  /** One per candidate. */
  bits: BitWidth[];
  /** One per candidate, where some have groups: inputs that share a scale; 0: all. */
  groups?: number[];
  /** One per candidate, where they are part of the search. */
  activationBits?: number[];
  /** Index into each candidate's choices. */
  choices: number[];
  /** fixedBytes + chosen bytes. */
  sizeBytes: number;
  /** Over weight elements, pinned ones included. */
  averageBits: number;
  solver: Certificate;
}
