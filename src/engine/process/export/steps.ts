/** Where each step begins on the progress bar. */
export const STEP = { data: 0.02, round: 0.1, activations: 0.75, write: 0.85, verify: 0.9 };
