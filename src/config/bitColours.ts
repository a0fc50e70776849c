/** Colours of bit-widths: an ordinal ramp in which more bits stand out more from the ground. The page and reports share it. */
import type { BitWidth } from '../core/problem/widths';

export type BitColours = Record<BitWidth, string>;

/** On a dark ground. */
export const DARK: BitColours = {
  2: '#7a5cc4',
  3: '#4d84e2',
  4: '#1f9cd6',
  5: '#12b5c4',
  6: '#35cfa6',
  7: '#93e067',
  8: '#f6e64d',
  16: '#a6abb3',
  32: '#d3d6db',
};

/** On a light ground, and on paper. */
export const LIGHT: BitColours = {
  2: '#6f9d36',
  3: '#27955a',
  4: '#07787f',
  5: '#00608f',
  6: '#2048a8',
  7: '#3a2894',
  8: '#2d0d67',
  16: '#737881',
  32: '#4a4e56',
};
