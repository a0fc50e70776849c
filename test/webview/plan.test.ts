import { describe, expect, it } from 'vitest';
import {
  planOf,
  push,
  redo,
  samePlan,
  startHistory,
  undo,
  withLocks,
  withoutLocks,
} from '../../webview/plan';
import { scored, unscored } from './support/networks';

const plan = planOf(scored(15))!;
const current = new Map([
  ['a', 4],
  ['b', 2],
] as const);

describe('plan', () => {
  it('is what the config says: settings and locks', () => {
    expect(plan.budget).toEqual({ averageBits: 4 });
    expect(Object.values(plan.locks)).toEqual([6]);
    expect(planOf(unscored(15))).toBeNull();
  });

  it('is the same in another order of widths and locks', () => {
    const a = { ...plan, widths: [2, 4, 8] as const, locks: { x: 2, y: 4 } as const };
    const b = { ...plan, widths: [8, 2, 4] as const, locks: { y: 4, x: 2 } as const };
    expect(samePlan({ ...a, widths: [...a.widths] }, { ...b, widths: [...b.widths] })).toBe(true);
    expect(samePlan(plan, { ...plan, beta: 2 })).toBe(false);
    expect(samePlan(plan, { ...plan, pins: null })).toBe(false);
  });

  it('locks at a width, or at the one a function has, and unlocks', () => {
    const locked = withLocks({ ...plan, locks: {} }, ['a', 'b', 'gone'], null, current);
    expect(locked.locks).toEqual({ a: 4, b: 2 });
    expect(withLocks(locked, ['a'], 8, current).locks).toEqual({ a: 8, b: 2 });
    expect(withoutLocks(locked, ['a']).locks).toEqual({ b: 2 });
  });
});

describe('history', () => {
  it('goes back and forth, and forgets the future at a new step', () => {
    const at = (beta: number) => ({ ...plan, beta });
    let history = startHistory(at(1));
    history = push(push(history, at(2)), at(3));
    expect(push(history, at(3))).toBe(history);
    history = undo(history);
    expect(history.present.beta).toBe(2);
    expect(redo(history).present.beta).toBe(3);
    history = push(history, at(4));
    expect(redo(history)).toBe(history);
    expect(undo(undo(undo(undo(history)))).present.beta).toBe(1);
  });

  it('keeps a bounded number of steps', () => {
    let history = startHistory(plan);
    for (let i = 0; i < 500; i++) history = push(history, { ...plan, beta: i + 10 });
    expect(history.past.length).toBeLessThanOrEqual(200);
    expect(history.present.beta).toBe(509);
  });
});
