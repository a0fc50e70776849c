import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DECAYS, importance, type Decay } from '../../../../src/core/scoring/importance';

/** A symmetric matrix with a unit diagonal and entries in [0, 1]. */
const orms = fc.integer({ min: 1, max: 12 }).chain((functions) =>
  fc
    .array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: functions * functions,
      maxLength: functions * functions,
    })
    .map((values) => {
      const orm = Float64Array.from(values);
      for (let i = 0; i < functions; i++) {
        orm[i * functions + i] = 1;
        for (let j = 0; j < i; j++) orm[i * functions + j] = orm[j * functions + i];
      }
      return { functions, orm };
    }),
);

const plainPhi: Record<Decay, (x: number, beta: number) => number> = {
  exp: (x, beta) => Math.exp(-beta * x),
  log: (x) => -Math.log(x),
  linear: (x) => -x,
  cubic: (x) => -(x ** 3),
  negexp: (x) => -Math.exp(x),
};

describe('importance', () => {
  it('sums the ORM with all other functions', () => {
    const orm = Float64Array.of(1, 0.25, 0.5, 0.25, 1, 0.125, 0.5, 0.125, 1);
    expect([...importance(orm, 3).gamma]).toEqual([0.75, 0.375, 0.625]);
  });

  it('is the paper formula up to scale and, where phi is negative, up to the shift by phi(L - 1)', () => {
    fc.assert(
      fc.property(
        orms,
        fc.constantFrom(...DECAYS),
        fc.double({ min: 0, max: 4, noNaN: true }),
        (net, decay, beta) => {
          const { functions } = net;
          fc.pre(functions > 1);
          const { gamma, theta, weight } = importance(net.orm, functions, { decay, beta });
          fc.pre(decay !== 'log' || gamma.every((g) => g > 1e-9));
          const phi = plainPhi[decay];
          const shift = decay === 'exp' ? 0 : phi(functions - 1, beta);
          const plain = [...gamma].map((g) => phi(g, beta) - shift);
          const most = Math.max(...plain);
          fc.pre(most > 1e-6);
          plain.forEach((value, i) => expect(theta[i]).toBeCloseTo(value / most, 7));
          const means = plain.map((_, i) => plain.slice(i).reduce((a, b) => a + b, 0) / (functions - i));
          const largest = Math.max(...means);
          means.forEach((value, i) => expect(weight[i]).toBeCloseTo(value / largest, 7));
        },
      ),
    );
  });

  it('falls as gamma rises, lies in [0, 1] and reaches 1', () => {
    fc.assert(
      fc.property(orms, fc.constantFrom(...DECAYS), fc.boolean(), (net, decay, normalised) => {
        const { gamma, theta, weight } = importance(net.orm, net.functions, { decay, normalised });
        for (const values of [theta, weight]) {
          expect(Math.max(...values)).toBe(1);
          expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
        }
        for (let i = 1; i < net.functions; i++) {
          if (gamma[i] > gamma[i - 1]) expect(theta[i]).toBeLessThanOrEqual(theta[i - 1]);
        }
      }),
    );
  });

  it('keeps weights of order 1 in deep networks, where exp(-beta gamma) underflows', () => {
    const functions = 400;
    const orm = Float64Array.from({ length: functions ** 2 }, (_, k) => {
      const [i, j] = [Math.floor(k / functions), k % functions];
      return i === j ? 1 : 1 - Math.abs(i - j) / (2 * functions);
    });
    for (const decay of DECAYS) {
      const { gamma, weight } = importance(orm, functions, { decay, beta: 10 });
      expect(Math.exp(-10 * Math.min(...gamma))).toBe(0);
      expect(weight.every(Number.isFinite)).toBe(true);
      expect(Math.max(...weight)).toBe(1);
    }
  });

  it('has gamma in units of the depth when asked to', () => {
    const orm = Float64Array.of(1, 0.2, 0.4, 0.2, 1, 0.6, 0.4, 0.6, 1);
    const { gamma, theta } = importance(orm, 3, { normalised: true, beta: 2 });
    expect([...gamma].map((g) => g.toFixed(6))).toEqual(['0.600000', '0.800000', '1.000000']);
    expect(theta[1]).toBeCloseTo(Math.exp(-2 * 0.1), 12);
  });

  it('treats functions that are all determined by each other as equal, and a single function as 1', () => {
    const same = new Float64Array(9).fill(1);
    for (const decay of DECAYS) {
      expect([...importance(same, 3, { decay }).weight]).toEqual([1, 1, 1]);
      expect([...importance(Float64Array.of(1), 1, { decay }).weight]).toEqual([1]);
    }
  });

  it('refuses what is no ORM', () => {
    expect(() => importance(new Float64Array(3), 2)).toThrow('does not belong to 2 functions');
    expect(() => importance(Float64Array.of(1, NaN, NaN, 1), 2)).toThrow('not finite');
    expect(() => importance(Float64Array.of(1), 1, { beta: -1 })).toThrow('beta');
  });
});
