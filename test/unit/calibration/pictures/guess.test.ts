import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guessPreprocessing, type PictureFacts } from '../../../../src/calibration/pictures/guess';
import { normalization } from '../../../../src/calibration/pictures/preprocessing';
import { temporaryFolder } from '../files';

const plain: PictureFacts = {
  model: '/nowhere/net.onnx',
  producer: 'pytorch',
  metadata: {},
  isInteger: false,
  height: 224,
  width: 224,
  channels: 3,
  scale: null,
};

describe('a guess says what it is made from', () => {
  it.each([
    ['whole numbers', { isInteger: true }, { preset: 'raw' }, true],
    [
      'metadata of Ultralytics',
      { metadata: { author: 'Ultralytics' } },
      { preset: 'unit', resize: 'pad' },
      true,
    ],
    [
      'a scaling of pixels inside',
      { scale: { scale: [1 / 58, 1 / 57, 1 / 57], offset: [-2.1, -2, -1.8] } },
      { preset: 'raw' },
      true,
    ],
    [
      'a scaling of 0..1 inside',
      { scale: { scale: [4.4, 4.5, 4.4], offset: [-2.1, -2, -1.8] } },
      { preset: 'unit' },
      true,
    ],
    ['a name', { model: '/m/efficientnet_lite0.onnx' }, { preset: 'efficientnet-lite' }, false],
    ['TensorFlow', { producer: 'tf2onnx' }, { preset: 'signed' }, false],
    ['the size of CIFAR', { height: 32, width: 32 }, { preset: 'cifar10' }, false],
    [
      'the size of MNIST',
      { height: 28, width: 28, channels: 1 },
      { preset: 'unit', mean: [0.1307], std: [0.3081] },
      false,
    ],
    ['nothing', {}, { preset: 'imagenet' }, false],
  ] as const)('%s', async (_name, more, preprocessing, isSure) => {
    const guess = await guessPreprocessing({ ...plain, ...(more as Partial<PictureFacts>) });
    expect(guess.preprocessing).toEqual(preprocessing);
    expect(guess.isSure).toBe(isSure);
    expect(guess.reason.length).toBeGreaterThan(20);
  });

  it('a scaling that says nothing about the range is not taken for one', async () => {
    const guess = await guessPreprocessing({ ...plain, scale: { scale: [-1], offset: [0] } });
    expect(guess).toMatchObject({ preprocessing: { preset: 'imagenet' }, isSure: false });
  });
});

describe('preprocessor_config.json', () => {
  async function read(
    json: object,
    folder = 'beside',
  ): Promise<Awaited<ReturnType<typeof guessPreprocessing>>> {
    const room = await temporaryFolder();
    const at = join(room, 'onnx');
    mkdirSync(at);
    writeFileSync(join(folder === 'beside' ? at : room, 'preprocessor_config.json'), JSON.stringify(json));
    return guessPreprocessing({ ...plain, model: join(at, 'model.onnx') });
  }

  it.each(['beside', 'above'])('%s the model decides, and is named', async (folder) => {
    const guess = await read(
      {
        do_normalize: true,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
        size: { height: 224, width: 224 },
      },
      folder,
    );
    expect(guess).toMatchObject({ preprocessing: { preset: 'signed', resize: 'stretch' }, isSure: true });
    expect(guess.reason).toContain('preprocessor_config.json');
  });

  it('its crop and a mean of its own are kept', async () => {
    const { preprocessing } = await read({
      image_mean: [0.48, 0.46, 0.41],
      image_std: [0.27, 0.26, 0.28],
      do_center_crop: true,
      crop_size: { height: 224, width: 224 },
      size: { shortest_edge: 256 },
    });
    expect(preprocessing).toEqual({
      preset: 'imagenet',
      mean: [0.48, 0.46, 0.41],
      std: [0.27, 0.26, 0.28],
      resize: 'crop',
      crop: 0.875,
    });
  });

  it('without a scaling to 0..1, mean and std are of pixels', async () => {
    const { preprocessing } = await read({ do_rescale: false, image_mean: [127.5], image_std: [127.5] });
    const { mean, std } = normalization(preprocessing, 3);
    for (const value of [...mean, ...std]) expect(value).toBeCloseTo(0.5, 6);
  });

  it('a scaling to -1..1 without mean and std is what it comes to', async () => {
    const { preprocessing } = await read({
      rescale_factor: 1 / 127.5,
      do_normalize: true,
      image_mean: [1],
      image_std: [1],
    });
    const { mean, std } = normalization(preprocessing, 3);
    for (const value of [...mean, ...std]) expect(value).toBeCloseTo(0.5, 6);
  });
});
