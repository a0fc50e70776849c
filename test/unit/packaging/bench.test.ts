import { expect, test } from 'vitest';
import { insert, tablesOf } from '../../../bench/insert.mjs';

const printed = 'model.onnx: 90 %\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nAnd:\n| c |\n|---|\n| $1 |\n';

test('finds the tables that a bench printed', () => {
  expect(tablesOf(printed)).toBe('| a | b |\n|---|---|\n| 1 | 2 |\n\n| c |\n|---|\n| $1 |');
  expect(tablesOf('The data are missing: nothing was measured.')).toBe('');
});

test('puts them between their markers and nowhere else', () => {
  const text =
    'x\n<!-- bench:one -->\nold\n<!-- /bench:one -->\n<!-- bench:two -->\nkept\n<!-- /bench:two -->\n';
  expect(insert(text, 'one', '| $1 |')).toBe(
    'x\n<!-- bench:one -->\n\n| $1 |\n\n<!-- /bench:one -->\n<!-- bench:two -->\nkept\n<!-- /bench:two -->\n',
  );
});
