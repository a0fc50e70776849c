import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../../src/calibration/open';
import { dataSpec, failure, input, plainPicture, put, temporaryFolder } from '../files';

const root = await temporaryFolder();
const png = await plainPicture(4, 4, [9, 9, 9]).png().toBuffer();
let sets = 0;

async function labelsOf(files: string[], csv?: string) {
  const folder = join(root, `set${sets++}`);
  for (const file of files) await put(join(folder, file), png);
  if (csv !== undefined) await put(join(folder, 'labels.csv'), csv);
  const { labels, classNames, warnings, size } = await openDataset(
    dataSpec(folder),
    [input('x', ['N', 3, 4, 4])],
    { order: 'all' },
  );
  return { labels: labels && Array.from(labels), classNames, warnings, size };
}

describe('folders', () => {
  it('named by class, in sorted order, empty ones counted', async () => {
    const { labels, classNames } = await labelsOf(['dog/a.png', 'cat/b.png', 'cat/a.png', 'bird/readme.txt']);
    expect(classNames).toEqual(['bird', 'cat', 'dog']);
    expect(labels).toEqual([1, 1, 2]);
  });

  it.each([
    ['one folder', ['all/a.png', 'all/b.png']],
    ['deeper folders', ['x/y/a.png', 'x/z/b.png']],
    ['pictures beside folders', ['a.png', 'x/b.png', 'y/b.png']],
    ['parts of a data set', ['train/a.png', 'val/b.png']],
  ])('%s are no classes', async (_, files) => {
    expect(await labelsOf(files)).toMatchObject({ labels: null, classNames: null });
  });

  it('numbers sort as text, with a warning where that surprises', async () => {
    const { labels, warnings } = await labelsOf(['1/a.png', '2/a.png', '10/a.png']);
    expect(labels).toEqual([0, 1, 2]);
    expect(warnings.join()).toMatch(/as text they sort 1, 10, 2/);
  });
});

describe('CSV', () => {
  it('with a header, quotes and class names', async () => {
    const { labels, classNames } = await labelsOf(
      ['a.png', 'sub/b, c.png', 'd.png'],
      'label,file\r\ncat,a.png\r\ndog,"sub/b, c.png"\r\ncat,d.png\r\n',
    );
    expect(classNames).toEqual(['cat', 'dog']);
    expect(labels).toEqual([0, 0, 1]);
  });

  it('without a header, with numbers, by name and by stem; what has no label is left out', async () => {
    const result = await labelsOf(['sub/a.png', 'b.png', 'c.png'], 'a.png,7\nb,3\nmissing.png,1\n');
    expect(result).toMatchObject({ labels: [3, 7], classNames: null, size: 2 });
    expect(result.warnings.join('\n')).toMatch(/labels\.csv lists 1 files that are not there/);
    expect(result.warnings.join('\n')).toMatch(
      /1 pictures that labels\.csv gives no label for were left out/,
    );
  });

  it.each([
    [
      'is about something else',
      'epoch,loss,accuracy\n1,2,3\n',
      /names no columns .* begin it with file,label/,
    ],
    ['names other pictures', 'file,label\nb.png,2\n', /a label for none of the 1 pictures .* about "b\.png"/],
  ])('that %s is not used, and says why', async (_, csv, why) => {
    const { labels, size, warnings } = await labelsOf(['a.png'], csv);
    expect({ labels, size }).toEqual({ labels: null, size: 1 });
    expect(warnings.join()).toMatch(why);
  });

  it('takes 10.0 for the number 10, and an empty label for none', async () => {
    const files = ['a.png', 'b.png', 'c.png'];
    const result = await labelsOf(files, 'file,label\na.png,10.0\nb.png,2.0\nc.png,\n');
    expect(result).toMatchObject({ labels: [10, 2], classNames: null, size: 2 });
  });

  it('that mixes numbers and names says so; fractions are no classes', async () => {
    const mixed = await labelsOf(['a.png', 'b.png'], 'file,label\na.png,30\nb.png,stop\n');
    expect(mixed.classNames).toEqual(['30', 'stop']);
    expect(mixed.warnings.join()).toMatch(/numbers \(30\) and names \(stop\)/);
    const fraction = await failure(labelsOf(['a.png'], 'file,label\na.png,0.5\n'));
    expect(fraction.message).toMatch(/^labels\.csv has the label 0\.5; class numbers are whole\.$/);
  });

  it('that is broken is named', async () => {
    expect((await failure(labelsOf(['a.png'], 'file,label\n"a.png,1\n'))).message).toMatch(
      /labels\.csv is not a sound CSV/,
    );
  });
});
