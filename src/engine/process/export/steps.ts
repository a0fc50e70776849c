import { DATA_STEP } from '../ort/withModel';

/** Where each step begins on the progress bar. */
export const STEP = { data: DATA_STEP, round: 0.1, activations: 0.75, write: 0.85, verify: 0.9 };
