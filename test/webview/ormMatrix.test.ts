import { describe, expect, it } from 'vitest';
import { ORM_GUTTER, ormCellAt, ormPixels, ormScale, scaled, unscaled } from '../../webview/ormMatrix';
import { heatColour } from '../../webview/palette';
import { scored } from './support/networks';

// real ORM crowds near 1
const orm = scored(53).orm!.map((value) => value ** 0.3);
const scale = ormScale(orm, 53);

describe('scale of the ORM heat map', () => {
  it('gives the median of the off-diagonal values the middle of the colours', () => {
    const values: number[] = [];
    for (let i = 0; i < 53; i++) for (let j = 0; j < i; j++) values.push(orm[i * 53 + j]);
    values.sort((a, b) => a - b);
    expect(scaled(scale, values[values.length >> 1])).toBeCloseTo(0.5, 2);
    expect(scaled(scale, 1)).toBe(1);
    expect(scaled(scale, scale.low - 0.1)).toBe(0);
  });

  it('can be read backwards for its ticks', () => {
    for (const t of [0, 0.25, 0.5, 1]) expect(scaled(scale, unscaled(scale, t))).toBeCloseTo(t, 9);
  });

  it('survives matrices without spread', () => {
    for (const value of [0, 1]) {
      const flat = new Float64Array(9).fill(value);
      const made = ormScale(flat, 3);
      expect(Number.isFinite(scaled(made, value))).toBe(true);
    }
    expect(ormScale(new Float64Array([1]), 1)).toEqual({ low: 0, power: 1 });
  });
});

describe('ormPixels', () => {
  it('colours each cell by its value, row by row, opaque', () => {
    const pixels = ormPixels(new Float64Array([1, 0, 0.5, 1]), 2, { low: 0, power: 1 }, 'dark');
    const colour = heatColour('dark');
    expect([...pixels.slice(0, 4)]).toEqual([...colour(1), 255]);
    expect([...pixels.slice(4, 8)]).toEqual([...colour(0), 255]);
    expect(pixels[8 + 3]).toBe(255);
    expect(Math.abs(pixels[8] - colour(0.5)[0])).toBeLessThanOrEqual(2);
  });
});

describe('ormCellAt', () => {
  it('finds row and column, and nothing in the gutters', () => {
    const size = 200 + ORM_GUTTER;
    expect(ormCellAt(size, 10, ORM_GUTTER + 1, 1)).toEqual([0, 0]);
    expect(ormCellAt(size, 10, ORM_GUTTER + 199, 25)).toEqual([1, 9]);
    expect(ormCellAt(size, 10, 3, 20)).toBeNull();
    expect(ormCellAt(size, 10, 100, 205)).toBeNull();
  });
});
