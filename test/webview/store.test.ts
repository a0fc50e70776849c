import { beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../webview/store';
import { editOf } from '../../webview/edit';
import { contested, scored, unscored } from './support/networks';
import { settled, testStore } from './support/store';

let store: Store;
beforeEach(async () => {
  store = testStore();
  store.receive(scored(53));
  await settled();
});

describe('store', () => {
  it('shows the config as it is, unsolved, until something changes', () => {
    expect(store.shown.bits).toEqual(scored(53).functions.map((f) => f.bits));
    expect(store.unwritten).toBe(false);
    expect(store.frontier!.size.length).toBeGreaterThan(10);
    expect(store.frontier!.size[0]).toBe(store.range!.smallest);
  });

  it('solves again when the budget moves, within it, locks and pins untouched', async () => {
    store.commit({ ...store.plan!, budget: { averageBits: 3 } });
    await settled();
    expect(store.shown.totals?.averageBits).toBeLessThanOrEqual(3);
    expect(store.shown.bits[17]).toBe(6);
    expect(store.shown.bits[0]).toBe(8);
    expect(store.unwritten).toBe(true);
  });

  it('follows a drag without making steps of it, then makes one', async () => {
    for (const averageBits of [3.9, 3.7, 3.5]) store.drag({ ...store.plan!, budget: { averageBits } });
    await settled();
    expect(store.shown.totals?.averageBits).toBeLessThanOrEqual(3.5);
    expect(store.history?.past).toHaveLength(0);
    store.commit({ ...store.plan!, budget: { averageBits: 3.5 } });
    expect(store.history?.past).toHaveLength(1);
  });

  it('locks, undoes and redoes', async () => {
    const name = store.state!.functions[30].name;
    store.lock([name], 3);
    await settled();
    expect(store.shown.bits[30]).toBe(3);
    expect(store.fixedBy(30)).toBe('lock');
    store.undo();
    await settled();
    expect(store.fixedBy(30)).toBeNull();
    expect(store.shown.bits).toEqual(scored(53).functions.map((f) => f.bits));
    store.redo();
    await settled();
    expect(store.shown.bits[30]).toBe(3);
  });

  it('hands a lock on to tied functions', async () => {
    store.lock([store.state!.functions[4].name], 5);
    await settled();
    expect(store.shown.bits[6]).toBe(5);
    expect(store.fixedBy(6)).toBe('lock');
  });

  it('says why a budget cannot be met, offers the nearest that can, and keeps the last picture', async () => {
    const before = store.shown.bits;
    store.commit({ ...store.plan!, budget: { bytes: 1000 } });
    await settled();
    expect(store.problem?.message).toMatch(/1,000 bytes/);
    expect(store.shown.bits).toBe(before);
    store.commit(store.problem!.fixes[0].plan);
    await settled();
    expect(store.problem).toBeNull();
    expect(store.shown.totals?.sizeBytes).toBe(store.range?.smallest);
  });

  it.each([{ averageBits: 1.01 }, { ratio: 500 }])(
    'offers a budget that really can be met for %o',
    async (budget) => {
      store.commit({ ...store.plan!, budget });
      await settled();
      store.commit(store.problem!.fixes[0].plan);
      await settled();
      expect(store.problem).toBeNull();
    },
  );

  it('offers only what works: where a limit is in the way, the limit is given up and not the budget', async () => {
    const bops = store.shown.totals!.bops! / 4;
    const limits = { bops: Math.floor(bops / 1.01) };
    store.commit({ ...store.plan!, budget: { averageBits: 8 }, limits });
    await settled();
    if (!store.problem) store.commit({ ...store.plan!, limits: { bops: 1000 } });
    await settled();
    expect(store.problem).not.toBeNull();
    expect(store.problem!.fixes.map(({ label }) => label)).toEqual(['Remove the limit on BOPs']);
    store.commit(store.problem!.fixes[0].plan);
    await settled();
    expect(store.problem).toBeNull();
  });

  it('says which locks of tied functions contradict each other', async () => {
    const [a, b] = [4, 6].map((i) => store.state!.functions[i].name);
    store.commit({ ...store.plan!, locks: { [a]: 4, [b]: 5 } });
    await settled();
    expect(store.problem?.message).toContain('are tied to each other');
  });

  it('takes a config that changed outside; the editor that changed it undoes it', async () => {
    store.receive(scored(53, 1, { budget: { averageBits: 5 } }));
    await settled();
    expect(store.plan?.budget).toEqual({ averageBits: 5 });
    expect(store.conflict).toBe(false);
    store.undo();
    expect(store.plan?.budget).toEqual({ averageBits: 5 });
    expect(store.unwritten).toBe(false);
  });

  it('tells of every step once, and of none that it is told itself', async () => {
    const steps: unknown[] = [];
    store.onStep((before, after) => steps.push([before.budget, after.budget]));
    const start = store.plan!;
    store.commit({ ...start, budget: { averageBits: 3 } });
    store.commit({ ...start, budget: { averageBits: 3 } });
    store.take(start);
    expect(steps).toEqual([[{ averageBits: 4 }, { averageBits: 3 }]]);
    expect(store.history?.future).toHaveLength(1);
    store.take({ ...start, budget: { averageBits: 3 } });
    expect(store.isSettled).toBe(false);
    await settled();
    expect(store.isSettled).toBe(true);
    store.take(null);
    expect(store.unwritten).toBe(false);
    expect(store.history?.past).toHaveLength(0);
  });

  it('keeps unwritten changes when the config changes, and says so', async () => {
    store.commit({ ...store.plan!, budget: { averageBits: 3 } });
    store.receive(scored(53, 1, { budget: { averageBits: 5 } }));
    await settled();
    expect(store.conflict).toBe(true);
    expect(store.plan?.budget).toEqual({ averageBits: 3 });
    store.takeConfig();
    await settled();
    expect(store.plan?.budget).toEqual({ averageBits: 5 });
    expect(store.unwritten).toBe(false);
  });

  it('has nothing unwritten once the config says the same', async () => {
    store.commit({ ...store.plan!, budget: { averageBits: 5 } });
    await settled();
    store.receive(scored(53, 1, { budget: { averageBits: 5 } }));
    expect(store.unwritten).toBe(false);
    expect(store.conflict).toBe(false);
  });

  it('writes what is on show', async () => {
    store.commit({ ...store.plan!, budget: { averageBits: 3 }, beta: 0.5 });
    await settled();
    const edit = editOf(store)!;
    expect(edit.settings).toMatchObject({ budget: { averageBits: 3 }, beta: 0.5 });
    expect(edit.settings).not.toHaveProperty('locks');
    expect(edit.functions.map((f) => f.bits)).toEqual(store.shown.bits);
    expect(edit.functions.filter((f) => f.locked)).toHaveLength(1);
    expect(edit.functions.map((f) => f.importance)).toEqual([...store.shown.weights!.weight]);
    expect(edit.solver.status).toBe('optimal');
  });

  it('solves by the objective that is chosen', async () => {
    const paper = store.shown.bits;
    store.commit({ ...store.plan!, objective: 'noise-aware' });
    await settled();
    expect(store.shown.bits).not.toEqual(paper);
    expect(store.shown.objectiveValue).toBeLessThan(0);
    expect(store.shown.objectiveValue).toBeCloseTo(-store.shown.solver!.objective, 9);
    store.commit({ ...store.plan!, objective: 'uniform' });
    await settled();
    const free = store.shown.bits.filter((_, i) => store.fixedBy(i) === null);
    // One width for all, and the next for as many as the rest of the budget allows.
    expect(Math.max(...free.map(Number)) - Math.min(...free.map(Number))).toBeLessThanOrEqual(1);
  });

  it('says so where an objective needs noise that was not measured', async () => {
    const state = scored(53);
    store.receive({ ...state, functions: state.functions.map((f) => ({ ...f, noise: null })) });
    store.commit({ ...store.plan!, objective: 'noise-aware' });
    await settled();
    expect(store.problem?.message).toContain('was not measured');
  });

  it('adopts another candidate of the contest, and goes back to bits that were found by trying', async () => {
    const state = contested(53);
    store = testStore();
    store.receive(state);
    await settled();
    const { candidates } = state.contest!;
    const bitsOf = (name: string) => candidates.find((c) => c.name === name)!.bits;
    expect(store.shown.bits).toEqual(bitsOf('noise-aware, improved'));
    store.commit({ ...store.plan!, objective: 'auto', chosen: 'orthogonality' });
    await settled();
    expect(store.shown.bits).toEqual(bitsOf('orthogonality'));
    expect(editOf(store)!.chosen).toBe('orthogonality');
    store.commit({ ...store.plan!, chosen: 'noise-aware' });
    await settled();
    expect(store.shown).toMatchObject({ bits: bitsOf('noise-aware'), solver: { status: 'optimal' } });
    store.receive({ ...state, contest: { ...state.contest!, chosen: 'uniform' } });
    store.commit({ ...store.plan!, chosen: 'noise-aware, improved' });
    await settled();
    expect(store.shown).toMatchObject({
      bits: bitsOf('noise-aware, improved'),
      solver: { status: 'feasible' },
    });
    expect(store.shown.solver!.gap).toBeGreaterThan(0);
  });

  it('does not take bits of the contest for another budget', async () => {
    store = testStore();
    store.receive(contested(53));
    store.commit({ ...store.plan!, budget: { averageBits: 5 } });
    await settled();
    expect(store.shown.totals!.averageBits).toBeGreaterThan(4.5);
    expect(store.shown.solver!.status).toBe('optimal');
  });

  it('shows a model without a config, and offers nothing to solve', async () => {
    store.receive(unscored(53));
    await settled();
    expect(store.plan).toBeNull();
    expect(store.shown.bits.every((b) => b === null)).toBe(true);
    expect(editOf(store)).toBeNull();
  });
});
