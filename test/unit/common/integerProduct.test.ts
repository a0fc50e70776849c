import { describe, expect, it } from 'vitest';
import { codeBits, describeProducts, widestCodes } from '../../../src/common/integerProduct';

describe('codes beside integer inputs', () => {
  it.each([4, 5, 6, 7, 8])('leave room in int16 for two products with inputs of %i bits', (inputBits) => {
    const most = (bits: number) => 2 * (2 ** inputBits - 1) * 2 ** (bits - 1);
    const widest = widestCodes(inputBits);
    expect(most(widest)).toBeLessThan(2 ** 15);
    // No narrower than it must be.
    if (widest < 8) expect(most(widest + 1)).toBeGreaterThanOrEqual(2 ** 15);
  });

  it('are narrower than the width of the weights only at 8 bits by 8', () => {
    expect([2, 7, 8, 16, 32].map((width) => codeBits(width, 8))).toEqual([2, 7, 7, 16, 32]);
    expect([8, 16].map((width) => codeBits(width, 7))).toEqual([8, 16]);
    expect([8, 16].map((width) => codeBits(width, 32))).toEqual([8, 16]);
    expect(codeBits(8)).toBe(8);
  });
});

describe('what is said of a processor', () => {
  it('names its instructions, or that its products saturate', () => {
    expect(describeProducts({ instructions: ['AVX-512 VNNI', 'AMX'], saturates: false })).toBe(
      'exact (AVX-512 VNNI, AMX)',
    );
    expect(describeProducts({ instructions: [], saturates: false })).toBe('exact');
    expect(describeProducts({ instructions: [], saturates: true })).toMatch(/saturate \(no VNNI\)/);
  });
});
