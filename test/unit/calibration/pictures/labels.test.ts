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

  it('that systems add are no classes', async () => {
    const { classNames } = await labelsOf(['dog/a.png', 'cat/b.png', '.cache/c.png', '__MACOSX/dog/._a.png']);
    expect(classNames).toEqual(['cat', 'dog']);
  });

  it.each([
    ['one folder', ['all/a.png', 'all/b.png']],
    ['deeper folders', ['x/y/a.png', 'x/z/b.png']],
    ['pictures beside folders', ['a.png', 'x/b.png', 'y/b.png']],
    ['parts of a data set', ['train/a.png', 'val/b.png']],
  ])('%s are no classes', async (_, files) => {
    expect(await labelsOf(files)).toMatchObject({ labels: null, classNames: null });
  });

  it('named by numbers keep their names: what they mean depends on the model', async () => {
    const { labels, classNames } = await labelsOf(['1/a.png', '2/a.png', '10/a.png']);
    expect(classNames).toEqual(['1', '10', '2']);
    expect(labels).toEqual([0, 1, 2]);
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
    expect(result.warnings.join('\n')).toMatch(/1 files that labels\.csv gives no label for were left out/);
  });

  it.each([
    [
      'is about something else',
      'epoch,loss,accuracy\n1,2,3\n',
      /names no columns .* begin it with file,label/,
    ],
    ['names other pictures', 'file,label\nb.png,2\n', /a label for none of the 1 files .* about "b\.png"/],
  ])('that %s is not used, and says why', async (_, csv, why) => {
    const { labels, size, warnings } = await labelsOf(['a.png'], csv);
    expect({ labels, size }).toEqual({ labels: null, size: 1 });
    expect(warnings.join()).toMatch(why);
  });

  it('with a column for each class: its numbers are those of the columns; parts of the data are no classes', async () => {
    const files = ['a.png', 'b.png', 'c.png'];
    const marks = 'a,0.0,0.0,1.0\nb,1.0,0.0,0.0\nc,0.0,1.0,0.0\n';
    expect(await labelsOf(files, `image,NV,MEL,BCC\n${marks}`)).toMatchObject({
      labels: [2, 0, 1],
      classNames: null,
    });
    expect((await labelsOf(files, `image,train,valid,test\n${marks}`)).labels).toBeNull();
    expect(
      (await labelsOf(files, `image,NV,MEL,BCC\n${marks.replace('1.0,0.0\n', '1.0,1.0\n')}`)).labels,
    ).toBeNull();
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

  it.each([
    ['absolute paths', 'file,label\n/home/me/val/a.png,3\n/home/me/val/b.png,1\n'],
    ['paths of Windows and its line ends', 'file,label\r\nC:\\val\\a.png,3\r\nC:\\val\\b.png,1\r\n'],
    ['folders above', 'file,label\nimages/a.png,3\nimages/b.png,1\n'],
    ['semicolons, as a German spreadsheet', 'file;label\r\na.png;3\r\nb.png;1\r\n'],
    ['tabs and a bar', 'file\tlabel\na.png\t3\nb.png\t1\n'],
    ['a byte order mark', '\uFEFFfile,label\r\na.png,3\r\nb.png,1\r\n'],
    ['quoted names', '"file","label"\n"a.png","3"\n"b.png","1"\n'],
    ['other extensions', 'file,label\na.JPEG,3\nb.JPEG,1\n'],
    ['capitals', 'FILE,LABEL\nA.PNG,3\nB.PNG,1\n'],
    ['the label first and no header', '3,a.png\n1,b.png\n'],
    [
      'columns of other names',
      'width,height,image_path,class_name,class_id\n4,4,x/a.png,dog,3\n4,4,x/b.png,cat,1\n',
    ],
    ['remarks above', '# made by hand, in March\n# twice\n\nfile,label\na.png,3\n\nb.png,1\n'],
    ['a line that names the separator', 'sep=;\nfile;label\na.png;3\nb.png;1\n'],
  ])('with %s', async (_, csv) => {
    expect(await labelsOf(['a.png', 'b.png'], csv)).toMatchObject({ labels: [3, 1], warnings: [] });
  });

  it('that names two pictures alike labels neither by its name alone', async () => {
    const { labels, size } = await labelsOf(
      ['train/a.png', 'val/a.png', 'val/b.png'],
      'file,label\na.png,1\n/x/val/a.png,2\nb.png,3\n',
    );
    expect({ labels, size }).toEqual({ labels: [2, 3], size: 2 });
  });

  it('in UTF-16, as spreadsheets write Unicode text', async () => {
    const folder = join(root, `set${sets++}`);
    await put(join(folder, 'a.png'), png);
    await put(join(folder, 'labels.csv'), Buffer.from('\uFEFFfile\tlabel\r\na.png\t5\r\n', 'utf16le'));
    const data = await openDataset(dataSpec(folder), [input('x', ['N', 3, 4, 4])]);
    expect(Array.from(data.labels!)).toEqual([5]);
  });

  it('that is broken is named', async () => {
    expect((await failure(labelsOf(['a.png'], 'file,label\n"a.png,1\n'))).message).toMatch(
      /labels\.csv is not a valid CSV file/,
    );
  });
});
