import { describe, expect, it } from 'vitest';
import { Accuracy, ClassLikeness, Likeness } from '../../../src/core/metrics';

describe('likeness', () => {
  it('gives signal over noise in decibels, and the cosine, over all blocks', () => {
    const likeness = new Likeness();
    likeness.add([3, 4], [3, 3]);
    likeness.add([0, 5], [1, 5]);
    expect(likeness.sqnrDb).toBeCloseTo(10 * Math.log10(50 / 2), 12);
    expect(likeness.cosine).toBeCloseTo((9 + 12 + 25) / Math.sqrt(50 * 44), 12);
  });

  it('is infinite where nothing differs', () => {
    const likeness = new Likeness();
    likeness.add([0, 0], [0, 0]);
    expect([likeness.sqnrDb, likeness.cosine]).toEqual([Infinity, 1]);
  });
});

describe('class likeness', () => {
  it('soft-maxes scores, and counts equal arg maxes', () => {
    const likeness = new ClassLikeness('scores');
    likeness.add([0, Math.log(3), 1, 0], [0, 0, 0, 1000], 2);
    const first = 0.25 * Math.log(0.25 / 0.5) + 0.75 * Math.log(0.75 / 0.5);
    const p = Math.E / (1 + Math.E);
    const second = p * (Math.log(p) + 1000) + (1 - p) * Math.log(1 - p);
    expect(likeness.kl).toBeCloseTo((first + second) / 2, 9);
    // Row 1: arg max 1 against the tie's first, 0. Row 2: 0 against 1.
    expect(likeness.agreement).toBe(0);
  });

  it('takes probabilities as they are, zeros included', () => {
    const likeness = new ClassLikeness('probabilities');
    likeness.add([0.5, 0.5, 0], [0.25, 0.75, 0], 3);
    likeness.add([0, 0, 1], [0, 0, 1], 3);
    const first = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
    expect(likeness.kl).toBeCloseTo(first / 2, 6);
    expect(likeness.agreement).toBe(0.5);
  });
});

describe('accuracy', () => {
  it('counts the best class and the best five; a tie goes to the lower class, NaN to nobody', () => {
    const accuracy = new Accuracy();
    const falling = [6, 5, 4, 3, 2, 1];
    accuracy.add([...falling, ...falling, ...falling], 6, [0, 4, 5]);
    expect([accuracy.top1, accuracy.top5]).toEqual([1 / 3, 2 / 3]);
    accuracy.add([1, 1, 0, 0, 0, 0], 6, [1]);
    accuracy.add([NaN, NaN, NaN, NaN, NaN, NaN], 6, [0]);
    expect([accuracy.top1, accuracy.top5]).toEqual([1 / 5, 3 / 5]);
  });
});
