/** Seeded random numbers: the same models on every machine. */
import { mulberry32 } from '../../../src/common/random';

export class Random {
  /** In [0, 1). */
  readonly uniform: () => number;

  constructor(seed: number) {
    this.uniform = mulberry32(seed);
  }

  /** Integer in [0, below). */
  int(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** Standard normal (sum of three uniforms: tails end at 3, which is enough for weights, and fast). */
  normal(): number {
    return 2 * (this.uniform() + this.uniform() + this.uniform() - 1.5);
  }

  normals(count: number, deviation = 1): Float32Array {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = deviation * this.normal();
    return values;
  }
}
