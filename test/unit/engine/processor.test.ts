import { describe, expect, it } from 'vitest';
import { instructionsIn } from '../../../src/engine/process/devices/processor';

describe('instructions for integer products', () => {
  it('are read from what Linux and macOS tell', () => {
    expect(instructionsIn('flags\t\t: fpu avx2 fma avx_vnni avx512_vnni amx_tile amx_int8')).toEqual([
      'AVX-VNNI',
      'AVX-512 VNNI',
      'AMX',
    ]);
    expect(instructionsIn('Features : fp asimd asimddp i8mm bf16')).toEqual([
      'dot product',
      'int8 matrix product',
    ]);
    expect(instructionsIn('flags : fpu sse4_1 avx2 avx512f')).toEqual([]);
    expect(instructionsIn('machdep.cpu.leaf7_features: AVX2 AVX512VNNI')).toEqual(['AVX-512 VNNI']);
    expect(instructionsIn('')).toEqual([]);
  });
});
