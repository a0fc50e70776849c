import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findCalibrationData } from '../../../src/calibration/discover';
import { put, temporaryFolder } from './files';

const root = await temporaryFolder();
const pictures = async (folder: string, count: number) => {
  for (let i = 0; i < count; i++) await put(join(root, folder, `${i}.png`), '');
};

it('finds what looks like data, likeliest first, and passes the rest over', async () => {
  await pictures('media', 12);
  await pictures('data/photos', 20);
  await pictures('calibration', 64);
  for (const name of ['cat', 'dog']) await pictures(join('data', 'test', name), 10);
  await pictures('src/icons', 3);
  await pictures('node_modules/thing/calibration', 50);
  await pictures('.git/calibration', 50);
  await put(join(root, 'arrays', 'calib.npz'), Buffer.alloc(2_500_000));
  await put(join(root, 'zoo', 'test_data_set_0', 'input_0.pb'), '');
  await put(join(root, 'zoo', 'test_data_set_1', 'input_0.pb'), '');
  const found = await findCalibrationData(root);
  expect(
    found.map(({ path, kind, description, count, labelled }) => [
      path.slice(root.length + 1).replaceAll('\\', '/'),
      kind,
      description,
      count,
      labelled,
    ]),
  ).toEqual([
    ['calibration', 'images', '64 images', 64, false],
    ['arrays/calib.npz', 'npz', '2.5 MB', null, false],
    ['data/test', 'images', '20 images in 2 class folders', 20, true],
    // two folders beside each other may be two data sets: each is offered, too
    ['data/test/cat', 'images', '10 images', 10, false],
    ['data/test/dog', 'images', '10 images', 10, false],
    ['zoo', 'testSets', '2 ONNX test sets', 2, false],
    ['data/photos', 'images', '20 images', 20, false],
    ['media', 'images', '12 images', 12, false],
  ]);
});

it('offers what the model takes: pictures before arrays where it takes pictures, no pictures where it takes none', async () => {
  const kinds = async (pictures: boolean) =>
    (await findCalibrationData(root, { pictures })).map(({ kind }) => kind);
  expect(await kinds(false)).toEqual(['npz', 'testSets']);
  const found = await findCalibrationData(root, { pictures: true });
  expect(found[0].path).toBe(join(root, 'calibration'));
  expect(found.findIndex(({ kind }) => kind === 'npz')).toBeGreaterThan(0);
});

it('offers many classes as one data set only', async () => {
  const classes = await temporaryFolder();
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    for (let i = 0; i < 9; i++) await put(join(classes, 'set', name, `${i}.png`), '');
  }
  expect((await findCalibrationData(classes)).map(({ path }) => path)).toEqual([join(classes, 'set')]);
});

it('a folder that does not exist holds nothing', async () => {
  expect(await findCalibrationData(join(root, 'nowhere'))).toEqual([]);
});
