/**
 * Colours of the data: an ordinal ramp for bit-widths and a continuous one for ORM. In every theme more bits stand out
 * more from the background, lightness is monotone (so the order survives any colour blindness), and every step has a
 * contrast of at least 3:1 with the background (WCAG 1.4.11). Chrome uses --vscode-* colours only.
 */
import { type BitColours, DARK, LIGHT } from '../src/config/bitColours';

export type Theme = 'dark' | 'light' | 'hc-dark' | 'hc-light';

export function bitColours(theme: Theme): BitColours {
  return theme === 'dark' || theme === 'hc-dark' ? DARK : LIGHT;
}

const HEAT: Record<Theme, string[]> = {
  dark: ['#1d1e33', '#3f3a86', '#3173b8', '#1fa9b5', '#6fd58a', '#f6e64d'],
  'hc-dark': ['#000000', '#3f3a86', '#3173b8', '#1fa9b5', '#6fd58a', '#fff36b'],
  light: ['#f4f8ea', '#b9d8a0', '#63b08f', '#1a8195', '#2655ae', '#2d0d67'],
  'hc-light': ['#ffffff', '#b9d8a0', '#63b08f', '#1a8195', '#2655ae', '#1d0050'],
};

export type Rgb = [number, number, number];

/** 0..1 -> colour; near the background at 0. */
export function heatColour(theme: Theme): (t: number) => Rgb {
  const stops = HEAT[theme].map(channels);
  return (t) => {
    const at = Math.min(1, Math.max(0, t)) * (stops.length - 1);
    const i = Math.min(stops.length - 2, Math.floor(at));
    const f = at - i;
    return stops[i].map((c, k) => Math.round(c + f * (stops[i + 1][k] - c))) as Rgb;
  };
}

/** Black or white, whichever is easier to read on `colour`. */
export function inkOn(colour: string): string {
  return contrast(colour, '#000000') >= contrast(colour, '#ffffff') ? '#000000' : '#ffffff';
}

/** WCAG contrast ratio of two #rrggbb colours, 1..21. */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = channels(colour)
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function channels(colour: string): Rgb {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) as Rgb;
}
