import { describe, expect, it } from 'vitest';
import { keepsNeeded, neededActivations, neededSentence } from '../../../src/config/neededActivations';
import type { Config, ConfigFunction } from '../../../src/config/types';

function config(
  allocation: Partial<Config['allocation']>,
  functions: Partial<ConfigFunction>[] = [{ bits: 4 }],
): Config {
  return { allocation, functions } as unknown as Config;
}

describe('limits that need quantized activations', () => {
  it('are those that counted fewer bits than floats have', () => {
    const at = (bits?: number) => neededActivations(config({ limits: { bops: 1 }, activationBits: bits }));
    expect(at()).toBeNull();
    expect(at(32)).toBeNull();
    expect(at(8)).toEqual({ limits: 'BOPs', bits: 8 });
    expect(neededActivations(config({ activationBits: 8, limits: { noise: 1 } }))).toBeNull();
    const searched = { activationWidths: [4, 8], limits: { activationBytes: 9, bops: 1 } };
    expect(neededSentence(neededActivations(config(searched))!)).toBe(
      'the limit on BOPs and activation memory counts the bits of activations that were found, and holds only in a file exported with --act-bits config',
    );
    // All stay floats and were counted so.
    expect(neededActivations(config(searched, [{ activationBits: 32 }]))).toBeNull();
  });

  it('are run times that only integer kernels reach', () => {
    const limits = { milliseconds: 1 };
    const times = (milliseconds: Record<string, number>) =>
      neededActivations(config({ limits }, [{ bits: 4, milliseconds }]));
    expect(times({ 4: 1, 32: 2 })).toEqual({ limits: 'latency', bits: 8 });
    expect(times({ 4: 2, 32: 2 })).toBeNull();
  });

  it('hold in files with as few bits', () => {
    const narrow = config({ activationWidths: [4, 8], limits: { bops: 1 } }, [
      { bits: 4, activationBits: 5 },
      { bits: 4, activationBits: 8 },
    ]);
    const needed = neededActivations(narrow)!;
    expect([null, 8, 5, 'config' as const].map((bits) => keepsNeeded(narrow, needed, bits))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    const fixed = config({ activationBits: 6, limits: { bops: 1 } });
    const six = neededActivations(fixed)!;
    expect([null, 8, 6, 4].map((bits) => keepsNeeded(fixed, six, bits))).toEqual([false, false, true, true]);
  });
});
