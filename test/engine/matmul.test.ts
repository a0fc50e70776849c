/** Rounding with ONNX Runtime's products against plain loops. */
import { describe, expect, it } from 'vitest';
import { plainMatMul } from '../../src/core/rounding/matmul';
import { outputError } from '../support/outputError';
import { roundRows } from '../../src/core/rounding/rows';
import { openMatMul } from '../../src/engine/process/ort/matmul';
import { Random } from '../support/models/random';

const random = new Random(3);
const doubles = (count: number) => Float64Array.from(random.normals(count));

describe('products by ONNX Runtime', () => {
  it('are those of plain loops: to 14 digits, and the rough ones to 6', async () => {
    const [m, k, n] = [70, 300, 50];
    const [a, b] = [doubles(m * k), doubles(k * n)];
    const expected = plainMatMul(a, b, m, k, n);
    const fast = await openMatMul();
    const exact = await fast.matmul(a, b, m, k, n);
    const rough = await fast.roughMatmul(a, b, m, k, n);
    await fast.close();
    const scale = Math.sqrt(k);
    expected.forEach((value, i) => {
      expect(Math.abs(exact[i] - value) / scale).toBeLessThan(1e-13);
      expect(Math.abs(rough[i] - value) / scale).toBeLessThan(1e-5);
    });
  });

  it.each([300, 700])('round %i correlated columns as well as plain loops do', async (columns) => {
    const [rows, samples] = [24, 2 * columns];
    // A common part in all inputs, as after a ReLU: the moments are far from diagonal.
    const common = doubles(samples);
    const inputs = doubles(samples * columns).map((x, i) => x + 2 + common[Math.floor(i / columns)]);
    const transposed = new Float64Array(inputs.length);
    inputs.forEach((value, i) => {
      transposed[(i % columns) * samples + Math.floor(i / columns)] = value / samples;
    });
    const moments = plainMatMul(transposed, inputs, columns, samples, columns);
    const weights = doubles(rows * columns);
    const responses = plainMatMul(weights, moments, rows, columns, columns);
    const problem = { weights, rows, columns, bits: 3, moments, responses };
    const plain = await roundRows(problem, 'reconstruct', { roundScale: Math.fround });
    const fast = await openMatMul();
    const rounded = await roundRows(problem, 'reconstruct', { ...fast, roundScale: Math.fround });
    await fast.close();
    const wanted = outputError(weights, plain, moments, rows, columns);
    const got = outputError(weights, rounded, moments, rows, columns);
    expect(got / wanted).toBeGreaterThan(0.98);
    expect(got / wanted).toBeLessThan(1.02);
    let changed = 0;
    plain.codes.forEach((code, i) => (changed += Number(code !== rounded.codes[i])));
    expect(changed / plain.codes.length).toBeLessThan(0.02);
  });
});
