import { describe, expect, it } from 'vitest';
import { bitColours, contrast, heatColour, inkOn, type Theme } from '../../webview/palette';

const BACKGROUND: Record<Theme, string> = {
  dark: '#1f1f1f',
  light: '#ffffff',
  'hc-dark': '#000000',
  'hc-light': '#ffffff',
};
const THEMES = Object.keys(BACKGROUND) as Theme[];
const WIDTHS = [2, 3, 4, 5, 6, 7, 8] as const;

/** Colour vision deficiencies as matrices on linear RGB (Machado, Oliveira, Fernandes 2009, severity 1). */
const VISION = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

/** CIE Lab of a colour as seen with a deficiency. */
function lab(colour: string, matrix: number[]): number[] {
  const linear = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const [r, g, b] = [0, 3, 6].map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        linear.reduce((sum, c, i) => sum + matrix[row + i] * c, 0),
      ),
    ),
  );
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const distance = (a: number[], b: number[]): number => Math.hypot(...a.map((v, i) => v - b[i]));

describe.each(THEMES)('colours of the widths, %s', (theme) => {
  const colours = bitColours(theme);

  it('stand out from the background by 3:1 and more', () => {
    for (const colour of Object.values(colours)) {
      expect(contrast(colour, BACKGROUND[theme]), colour).toBeGreaterThanOrEqual(3);
    }
  });

  it('stand out more with every bit, so that lightness alone gives the order', () => {
    const contrasts = WIDTHS.map((bits) => contrast(colours[bits], BACKGROUND[theme]));
    for (let i = 1; i < contrasts.length; i++) expect(contrasts[i]).toBeGreaterThan(contrasts[i - 1]);
  });

  it.each(Object.keys(VISION) as (keyof typeof VISION)[])('tell neighbours apart with %s', (vision) => {
    const seen = WIDTHS.map((bits) => lab(colours[bits], VISION[vision]));
    for (let i = 1; i < seen.length; i++) {
      expect(distance(seen[i], seen[i - 1]), `${WIDTHS[i]} and ${WIDTHS[i - 1]} bits`).toBeGreaterThan(7);
    }
  });

  it('carry numbers that can be read: 4.5:1', () => {
    for (const colour of Object.values(colours)) {
      expect(contrast(colour, inkOn(colour)), colour).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('has a heat map that leaves the background steadily', () => {
    const colour = heatColour(theme);
    const hex = (t: number): string =>
      `#${colour(t)
        .map((c) => c.toString(16).padStart(2, '0'))
        .join('')}`;
    const contrasts = Array.from({ length: 21 }, (_, i) => contrast(hex(i / 20), BACKGROUND[theme]));
    for (let i = 1; i < contrasts.length; i++) expect(contrasts[i]).toBeGreaterThan(contrasts[i - 1]);
  });
});
