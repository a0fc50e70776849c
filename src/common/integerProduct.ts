/** How wide the codes of weights may be that are multiplied with integer inputs, so that no processor's product clips; and what a processor has. */

/**
 * Without VNNI, x86 multiplies uint8 inputs by int8 weights in pairs and adds both products in int16, which saturates
 * (vpmaddubsw). Which two codes of a row meet is the kernel's choice, so no two of them may reach 2^15:
 * 2 (2^inputBits - 1) 2^(bits - 1) < 2^15. Only inputs of 8 bits ask for narrower codes than 8.
 */
export function widestCodes(inputBits: number): 7 | 8 {
  return inputBits === 8 ? 7 : 8;
}

/** Bits of the codes that weights of a width are written with beside inputs of `inputBits`; absent, and above 8: floats. */
export function codeBits<Width extends number>(width: Width, inputBits = 32): Width | 7 | 8 {
  return width === 8 ? widestCodes(inputBits) : width;
}

export interface IntegerProducts {
  /** "AVX-512 VNNI", "AMX", "dot product"; empty where there are none, or the system does not tell. */
  instructions: string[];
  /** Whether ONNX Runtime's product of uint8 and int8 clips on this machine. */
  saturates: boolean;
}

/** For people: "exact (AVX-512 VNNI, AMX)". */
export function describeProducts({ instructions, saturates }: IntegerProducts): string {
  if (saturates) return 'pairs of them saturate (no VNNI), which files that OMPQ writes keep clear of';
  return instructions.length > 0 ? `exact (${instructions.join(', ')})` : 'exact';
}
