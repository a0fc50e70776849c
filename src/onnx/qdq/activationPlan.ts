/** Activations as they will be: which tensors, and by which numbers. */
import type { Grid } from './grid';
import type { Placement } from './placement';

/** What an integer layer computes with; its batch norm is in here. */
export interface LayerNumbers {
  /** Per output channel; negative where the batch norm turns a channel over. */
  scales: Float32Array;
  /** In units of input scale * weight scale; null: no bias. */
  bias: Int32Array | null;
  /** Of its weights' codes. */
  codeBits: number;
}

/** Activations as they will be: a placement with its numbers. */
export interface ActivationPlan extends Placement {
  /** By tensor, for those that share no other's grid. */
  grids: ReadonlyMap<string, Grid>;
  /** One per layer. */
  numbers: readonly LayerNumbers[];
  /** What the file says of them: "8 bits, mse". */
  record: string;
}
