import { expect, test } from 'vitest';
import { editedFunctions, recount, takeBackEdits } from '../../../src/config/edit';
import { exampleConfig, exampleInspect } from '../features/bitMap/example';

test('bits edited by hand are taken back, locked ones stay', () => {
  const made = exampleConfig();
  const { size } = exampleInspect(made);
  const config = recount(made, size);
  const solved = config.functions.map((f) => f.bits);
  const edited = structuredClone(config);
  edited.functions.forEach((f, i) => Object.assign(f, { bits: 3, lock: i === 1 }));
  const names = config.functions.map((f) => f.name);
  expect(editedFunctions(config)).toEqual([]);
  expect(editedFunctions(edited)).toEqual([names[0], names[2], names[3]]);
  const back = takeBackEdits(edited, size);
  expect(back.functions.map((f) => f.bits)).toEqual([solved[0], 3, solved[2], solved[3]]);
  expect(editedFunctions(back)).toEqual([]);
  expect(back.totals).toEqual(recount(back, size).totals);
});
