/** In how many passes a network is scored, so that the peak stays under a memory limit. */

export type Plan =
  /** All samples at once. */
  | { kind: 'once' }
  /** Samples in blocks; a run takes two of them (and one more sample as reference), for every pair of blocks. */
  | { kind: 'pairs'; blockSize: number }
  /** Features are collected outside the session, `columns` of them per pass, from runs of `batch` samples. */
  | { kind: 'columns'; batch: number; columns: number };

export interface Load {
  samples: number;
  /** Samples that one run takes; null: any number. */
  batch: number | null;
  /** Bytes that a run takes per sample. */
  activationBytes: number;
  /** Features per sample, summed over the functions. */
  features: number;
  /** Bytes that may still be taken. */
  budget: number;
}

/** Collected features stand in memory twice while their Gram matrix is computed: as they are, and centred. */
const COLUMN_COPIES = 2;
/** A sample costs more in a small batch than in a large one. */
const SMALL_BATCH = 1.3;
const SMALL = 8;

const MIN_COLUMNS = 4096;

/** Bytes that even the thriftiest plan takes. */
export function leastBytes({ batch, activationBytes, features, samples }: Load): number {
  const columns = (batch ?? 1) * (activationBytes + 4 * features) + 4 * COLUMN_COPIES * samples * MIN_COLUMNS;
  return batch === null ? Math.min(columns, 3 * activationBytes) : columns;
}

/** The cheapest plan that fits, by the samples that have to be run; the thriftiest one where none fits. */
export function choosePlan(load: Load): Plan {
  const { samples, batch, activationBytes, budget } = load;
  if (batch !== null) return { kind: 'columns', batch, columns: columnsFor(load, batch) };
  if (samples * activationBytes <= budget) return { kind: 'once' };
  const rows = Math.max(1, Math.min(SMALL, Math.floor(budget / 4 / (activationBytes + 4 * load.features))));
  const columns: Plan = { kind: 'columns', batch: rows, columns: columnsFor(load, rows) };
  const blockSize = Math.floor((Math.floor(budget / activationBytes) - 1) / 2);
  if (blockSize < 1) return columns;
  const pairs: Plan = { kind: 'pairs', blockSize };
  return cost(pairs, load) <= cost(columns, load) ? pairs : columns;
}

/** Sample runs that a plan takes. */
export function cost(plan: Plan, { samples, features }: Load): number {
  switch (plan.kind) {
    case 'once':
      return samples;
    case 'pairs': {
      const blocks = Math.ceil(samples / plan.blockSize);
      return ((blocks * (blocks - 1)) / 2) * (2 * plan.blockSize + 1);
    }
    case 'columns':
      return Math.ceil(features / plan.columns) * samples * (plan.batch < SMALL ? SMALL_BATCH : 1);
  }
}

function columnsFor({ samples, activationBytes, features, budget }: Load, batch: number): number {
  const left = budget - batch * (activationBytes + 4 * features);
  return Math.min(features, Math.max(MIN_COLUMNS, Math.floor(left / (4 * COLUMN_COPIES * samples))));
}
