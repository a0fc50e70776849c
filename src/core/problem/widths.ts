/** Bit-widths that can be stored; 16 and 32 mean "leave alone" (float16 weights, float32 weights). */
export const BIT_WIDTHS = [2, 3, 4, 5, 6, 7, 8, 16, 32] as const;
export type BitWidth = (typeof BIT_WIDTHS)[number];
