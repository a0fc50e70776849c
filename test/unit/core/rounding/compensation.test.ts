import { describe, expect, it } from 'vitest';
import { compensatedPowers, compensationOf } from '../../../../src/core/rounding/compensation';
import { plainMatMul } from '../../../../src/core/rounding/matmul';
import { outputError } from '../../../support/outputError';
import { roundRows } from '../../../../src/core/rounding/rows';
import { Random } from '../../../support/models/random';

const [rows, columns] = [40, 24];

/** Second moments of inputs that share a mean and depend on each other. */
function momentsOf(random: Random, mean: number): Float64Array {
  const moments = new Float64Array(columns * columns);
  const samples = 500;
  for (let s = 0; s < samples; s++) {
    const own = random.normals(columns);
    const x = Array.from(own, (value, k) => mean + value + 0.8 * own[(k + 1) % columns]);
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < columns; j++) moments[i * columns + j] += (x[i] * x[j]) / samples;
  }
  return moments;
}

describe('what compensation leaves', () => {
  it.each([
    { mean: 0, bits: 3 },
    { mean: 3, bits: 3 },
    { mean: 3, bits: 5 },
  ])('foretells the output error of GPTQ, inputs of mean $mean at $bits bits', async ({ mean, bits }) => {
    const random = new Random(7);
    const moments = momentsOf(random, mean);
    const weights = Float64Array.from(random.normals(rows * columns));
    const compensation = await compensationOf(moments, columns, plainMatMul);
    const powers = compensatedPowers(compensation);
    const problem = { weights, rows, columns, bits, powers };
    const tools = { roundScale: Math.fround };
    const { codes, scales } = await roundRows(problem, 'nearest', tools);
    let foretold = 0;
    codes.forEach((code, i) => {
      const difference = code * scales[Math.floor(i / columns)] - weights[i];
      foretold += powers[i % columns] * difference ** 2;
    });
    const rounded = await roundRows({ ...problem, moments, compensation }, 'gptq', tools);
    const left = outputError(weights, rounded, moments, rows, columns);
    expect(foretold / left).toBeGreaterThan(0.7);
    expect(foretold / left).toBeLessThan(1.4);
    // Without compensation a shared mean makes every error count.
    const plain = outputError(weights, { codes, scales }, moments, rows, columns);
    if (mean > 0) expect(plain / left).toBeGreaterThan(3);
  });

  it('is the power of each input where inputs have nothing to do with each other', async () => {
    const moments = new Float64Array(columns * columns);
    for (let k = 0; k < columns; k++) moments[k * columns + k] = 1 + k;
    const powers = compensatedPowers(await compensationOf(moments, columns, plainMatMul));
    const damping = (0.01 * (columns + 1)) / 2;
    powers.forEach((power, k) => expect(power).toBeCloseTo(1 + k + damping, 9));
  });
});
