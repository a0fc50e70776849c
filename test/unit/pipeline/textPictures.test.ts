import { expect, it } from 'vitest';
import { bitMapText, ormText } from '../../../src/pipeline/report/textPictures';

it('a bit map in text has a column as high as the bits of each layer', () => {
  expect(bitMapText([8, 2, 32, 4])).toBe(
    [
      '8 │█ ▲',
      '7 │█ █',
      '6 │█ █',
      '5 │█ █',
      '4 │█ ██',
      '3 │█ ██',
      '2 │████',
      '1 │████',
      '  └────',
      '   layers 1 to 4',
    ].join('\n'),
  );
  expect(bitMapText(Array.from({ length: 132 }, () => 4))).toContain('layers 101 to 132');
});

it('an orthogonality matrix in text is shaded by how alike layers are', () => {
  expect(ormText(Float64Array.of(1, 0.5, 0, 0.5, 1, 0.3, 0, 0.3, 1), 3)).toBe(
    ['██▒▒  ', '▒▒██░░', '  ░░██'].join('\n'),
  );
  // many layers share cells: a matrix of ones stays full, at most 48 cells along an edge
  const lines = ormText(new Float64Array(132 * 132).fill(1), 132).split('\n');
  expect(lines).toHaveLength(48);
  expect(new Set(lines)).toEqual(new Set(['█'.repeat(96)]));
});
