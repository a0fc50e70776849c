/** Limits beside the budget: how people write them, how a config keeps them, what the solver is asked. */
import { formatSize, parseSize } from '../common/sizes';
import type { Budget } from '../core/problem/problem';
import { type BudgetSpec, solverBudget } from './budget';

/** All of them hold together, and with the budget. */
export interface Limits {
  /** Size of the quantized file. */
  bytes?: number;
  averageBits?: number;
  /** Bit operations for one sample: MACs x weight bits x activation bits. */
  bops?: number;
  /** Run time by the table of the functions, for one sample. */
  milliseconds?: number;
  /** Activations that are alive at the same time, for one sample. */
  activationBytes?: number;
  /** Sum over all functions of the relative output error. */
  noise?: number;
}

export type LimitKind = keyof Limits;

export const LIMIT_KINDS: readonly LimitKind[] = [
  'bytes',
  'averageBits',
  'bops',
  'milliseconds',
  'activationBytes',
  'noise',
];

export const LIMIT_NAMES: Record<LimitKind, string> = {
  bytes: 'File size',
  averageBits: 'Average bits',
  bops: 'BOPs',
  milliseconds: 'Latency',
  activationBytes: 'Peak activation memory',
  noise: 'Noise',
};

/** The budget first, then the limits. @param modelBytes size of the float model, which a ratio refers to */
export function allBudgets(budget: BudgetSpec, limits: Limits | undefined, modelBytes: number): Budget[] {
  const more = LIMIT_KINDS.flatMap((kind): Budget[] => {
    const value = limits?.[kind];
    return value === undefined ? [] : [asBudget(kind, value)];
  });
  return [solverBudget(budget, modelBytes), ...more];
}

function asBudget(kind: LimitKind, value: number): Budget {
  switch (kind) {
    case 'bytes':
      return { kind, bytes: value };
    case 'averageBits':
      return { kind, bits: value };
    case 'bops':
      return { kind, bops: value };
    case 'milliseconds':
      return { kind: 'latency', milliseconds: value };
    case 'activationBytes':
      return { kind, bytes: value };
    case 'noise':
      return { kind, noise: value };
  }
}

export function formatLimit(kind: LimitKind, value: number): string {
  switch (kind) {
    case 'bytes':
    case 'activationBytes':
      return formatSize(value);
    case 'averageBits':
      return `${Number(value.toFixed(3))} bits`;
    case 'bops':
      return formatOperations(value);
    case 'milliseconds':
      return value >= 1e3
        ? `${Number((value / 1e3).toPrecision(4))} s`
        : value >= 1
          ? `${Number(value.toPrecision(4))} ms`
          : `${Number((value * 1e3).toPrecision(4))} us`;
    case 'noise':
      return String(Number(value.toPrecision(4)));
  }
}

/** What a person writes for a limit ("2G", "5ms", "1.5MB"); null where it is none. */
export function parseLimit(kind: LimitKind, text: string): number | null {
  switch (kind) {
    case 'bytes':
    case 'activationBytes':
      return parseSize(text);
    case 'bops':
      return parseOperations(text);
    case 'milliseconds':
      return parseMilliseconds(text);
    case 'averageBits':
    case 'noise': {
      const value = Number(text.replace(/\s*bits\s*$/, ''));
      return text.trim() !== '' && Number.isFinite(value) && value > 0 ? value : null;
    }
  }
}

const PREFIXES: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** "2G", "1.5 TBOPs", "3e9" -> a whole number of operations; null where it is none. */
function parseOperations(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([kmgt]?)(?:bops)?\s*$/i.exec(text);
  const value = match ? Math.floor(Number(match[1]) * PREFIXES[match[2].toLowerCase()]) : 0;
  return value > 0 ? value : null;
}

function formatOperations(value: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (value >= size) return `${(value / size).toFixed(2)} ${unit}`;
  }
  return String(value);
}

const TIMES: Record<string, number> = { us: 1e-3, µs: 1e-3, ms: 1, s: 1e3 };

/** "5ms", "800 us", "0.1s" -> milliseconds; null where it is no time. */
function parseMilliseconds(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s)\s*$/i.exec(text);
  const value = match ? Number(match[1]) * TIMES[match[2].toLowerCase()] : 0;
  return value > 0 ? value : null;
}
