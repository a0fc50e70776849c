import { existsSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../../src/calibration/open';
import { DecodedPictures } from '../../../../src/calibration/pictures/decodedPictures';
import type { Preprocessing } from '../../../../src/calibration/inputs/spec';
import { fromFloat16Bits } from '../../../../src/onnx/proto/float16';
import {
  dataSpec,
  failure,
  FLOAT16,
  input,
  INT8,
  picture,
  plainPicture,
  put,
  temporaryFolder,
  UINT8,
  list,
  numbers,
} from '../files';

const root = await temporaryFolder();
let folders = 0;
const newFolder = async () => {
  const folder = join(root, `set${folders++}`);
  await mkdir(folder);
  return folder;
};

/** The tensor of the only picture. */
async function tensorOf(
  folder: string,
  model = input('x', ['N', 3, 4, 4]),
  preprocessing: Preprocessing = { preset: 'raw' },
) {
  const data = await openDataset(dataSpec(folder, { samples: 1, preprocessing }), [model]);
  return (await data.read(0, 1)).x;
}

describe('presets and layout', async () => {
  const folder = await newFolder();
  await plainPicture(4, 4, [255, 51, 0]).png().toFile(join(folder, 'a.png'));
  const firstPixel = async (preprocessing: Preprocessing, model = input('x', ['N', 3, 4, 4])) => {
    const { data } = await tensorOf(folder, model, preprocessing);
    return [0, 1, 2].map((c) => Number(data[c * 16]));
  };

  it('raw, 0..1, ImageNet and CIFAR-10', async () => {
    expect(await firstPixel({ preset: 'raw' })).toEqual([255, 51, 0]);
    expect((await firstPixel({ preset: 'unit' })).map((v) => v.toFixed(5))).toEqual([
      '1.00000',
      '0.20000',
      '0.00000',
    ]);
    const imagenet = [(1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, -0.406 / 0.225];
    (await firstPixel({ preset: 'imagenet' })).forEach((v, i) => expect(v).toBeCloseTo(imagenet[i], 5));
    const cifar = [(1 - 0.4914) / 0.247, (0.2 - 0.4822) / 0.2435, -0.4465 / 0.2616];
    (await firstPixel({ preset: 'cifar10' })).forEach((v, i) => expect(v).toBeCloseTo(cifar[i], 5));
  });

  it('mean and std override the preset, one value stands for all channels', async () => {
    (await firstPixel({ preset: 'imagenet', mean: [0.5], std: [0.5, 0.25, 1] })).forEach((v, i) =>
      expect(v).toBeCloseTo([1, -1.2, -0.5][i], 5),
    );
  });

  it('BGR reverses the channels, and the preset with them', async () => {
    expect(await firstPixel({ preset: 'raw', channels: 'BGR' })).toEqual([0, 51, 255]);
    const v = await firstPixel({ preset: 'imagenet', channels: 'BGR' });
    expect(v[2]).toBeCloseTo((1 - 0.485) / 0.229, 5);
  });

  it('channels last, whether read from the model or said', async () => {
    const last = await tensorOf(folder, input('x', ['N', 4, 4, 3]));
    expect(last.dims).toEqual([1, 4, 4, 3]);
    expect(list(last.data).slice(0, 6)).toEqual([255, 51, 0, 255, 51, 0]);
    const said = await tensorOf(folder, input('x', ['N', 3, 4, 3]), { preset: 'raw', layout: 'NHWC' });
    expect(list(said.data).slice(0, 3)).toEqual([255, 51, 0]);
  });

  it('models of one channel get grey as PIL makes it', async () => {
    const other = await newFolder();
    await plainPicture(4, 4, [10, 200, 30]).png().toFile(join(other, 'a.png'));
    expect((await tensorOf(other, input('x', ['N', 1, 4, 4]))).data[0]).toBe(124);
    const bare = await tensorOf(other, input('x', [1, 8, 8]));
    expect(bare.dims).toEqual([1, 8, 8]);
    expect(bare.data[5]).toBe(124);
  });

  it('models of bytes get the pixels, and are told that a mean is not applied', async () => {
    const preprocessing: Preprocessing = { preset: 'imagenet', mean: [0.5] };
    const data = await openDataset(dataSpec(folder, { preprocessing }), [input('x', ['N', 3, 4, 4], UINT8)]);
    const { x } = await data.read(0, 1);
    expect(x.type).toBe('uint8');
    expect([x.data[0], x.data[16], x.data[32]]).toEqual([255, 51, 0]);
    expect(data.warnings.join()).toMatch(/mean and std are not applied/);
  });

  it('models of float16', async () => {
    const { type, data } = await tensorOf(folder, input('x', ['N', 3, 4, 4], FLOAT16), { preset: 'unit' });
    expect(type).toBe('float16');
    expect(fromFloat16Bits(Number(data[16]))).toBeCloseTo(0.2, 3);
  });

  it('models of four channels get opacity', async () => {
    expect(list((await tensorOf(folder, input('x', ['N', 4, 4, 4]))).data).slice(48)).toEqual(
      Array(16).fill(255),
    );
  });

  it('a model that takes one picture without a batch is fed one by one', async () => {
    const data = await openDataset(dataSpec(folder, { samples: 1 }), [input('x', [3, 'H', 'W'])]);
    expect(data.batchAxes).toEqual({ x: null });
    expect((await data.read(0, 1)).x.dims).toEqual([3, 4, 4]);
  });

  it.each([
    [{ preset: 'raw', mean: [1, 2] }, /mean has 2 values .* 3 channels/],
    [{ preset: 'raw', std: [0, 1, 1] }, /divide by zero/],
    [{ preset: 'raw', layout: 'NHWC' }, /does not take pictures of 1, 3 or 4 channels in layout NHWC/],
  ] as [Preprocessing, RegExp][])('refuses %o', async (preprocessing, message) => {
    expect((await failure(tensorOf(folder, input('x', ['N', 3, 8, 8]), preprocessing))).message).toMatch(
      message,
    );
  });

  it('are not asked for where every input has one value', async () => {
    const spec = dataSpec(folder, { values: { x: 3 } });
    const error = await failure(openDataset(spec, [input('x', ['N', 3, 4, 4])]));
    expect(error.message).toContain(`one value for all samples (x): that leaves ${folder} no input to feed`);
  });

  it('refuses models that pictures do not suit', async () => {
    const open = (...inputs: Parameters<typeof openDataset>[1]) =>
      failure(openDataset(dataSpec(folder), inputs));
    expect((await open(input('x', ['N', 128]))).message).toMatch(/"x" \(Nx128\) does not take pictures/);
    expect((await open(input('x', ['N', 3, 4, 4], INT8))).message).toMatch(
      /takes int8, for which pictures have no/,
    );
    expect((await open(input('x', ['N', 3, 4, 4]), input('y', ['N']))).message).toMatch(
      /model has 2 \(x, y\); give a \.npz/,
    );
  });
});

describe('geometry', () => {
  it("ImageNet's resize and crop give PIL's pixels", async () => {
    const folder = await newFolder();
    const wave = (y: number, x: number, c: number) => Math.round(128 + 100 * Math.sin(y / 5 + x / 7 + c));
    await picture(40, 61, wave).png().toFile(join(folder, 'wave.png'));
    const preprocessing: Preprocessing = { preset: 'imagenet', mean: [0], std: [1 / 255] };
    const { data } = await tensorOf(folder, input('x', ['N', 3, 16, 16]), preprocessing);
    // PIL 13: resize((27, 18), BILINEAR), crop((6, 1, 22, 17)).
    const column = [42, 71, 111, 153, 190, 217, 225, 215, 188, 150, 106, 67, 41, 31, 40, 66];
    column.forEach((v, y) => expect(Math.abs(Number(data[256 + y * 16 + 5]) - v)).toBeLessThanOrEqual(1.01));
    [179, 85, 31].forEach((v, c) => expect(Math.abs(Number(data[c * 256]) - v)).toBeLessThanOrEqual(1.01));
  });

  it("enlarging gives PIL's pixels", async () => {
    const folder = await newFolder();
    await picture(4, 5, (y, x, c) => y * 40 + x * 9 + c * 30)
      .png()
      .toFile(join(folder, 'small.png'));
    const { data } = await tensorOf(folder, input('x', ['N', 3, 7, 9]), { preset: 'raw', resize: 'stretch' });
    const rows = [
      [0, 3, 8, 13, 18, 23, 28, 33, 36],
      [14, 17, 22, 27, 32, 37, 42, 47, 50],
      [37, 40, 45, 50, 55, 60, 65, 70, 73],
      [60, 63, 68, 73, 78, 83, 88, 93, 96],
    ];
    rows.flat().forEach((v, i) => expect(Math.abs(Number(data[i]) - v)).toBeLessThanOrEqual(1));
  });

  it('crop cuts the centre, stretch keeps all, pad adds black', async () => {
    const folder = await newFolder();
    // Left half black, right half white, twice as wide as high.
    await picture(8, 16, (_, x) => (x < 8 ? 0 : 255))
      .png()
      .toFile(join(folder, 'halves.png'));
    const row = async (resize: 'crop' | 'stretch' | 'pad', y: number) =>
      numbers((await tensorOf(folder, undefined, { preset: 'raw', resize })).data).slice(y * 4, y * 4 + 4);
    for (const resize of ['crop', 'stretch'] as const) {
      const [a, b, c, d] = await row(resize, 0);
      expect([a, d]).toEqual([0, 255]);
      expect(b + c).toBeGreaterThan(200);
    }
    expect(await row('pad', 0)).toEqual([0, 0, 0, 0]);
    expect((await row('pad', 1))[3]).toBe(255);
    expect(await row('pad', 3)).toEqual([0, 0, 0, 0]);
  });
});

describe('formats', () => {
  it('decodes what people have, greyscale, transparent, 16 bits and all', async () => {
    const folder = await newFolder();
    const grey = plainPicture(4, 4, [120, 120, 120]);
    await grey.clone().jpeg().toFile(join(folder, 'a.JPG'));
    await grey.clone().webp({ lossless: true }).toFile(join(folder, 'b.webp'));
    await grey.clone().tiff().toFile(join(folder, 'c.tiff'));
    await grey.clone().gif().toFile(join(folder, 'd.gif'));
    await grey.clone().toColourspace('b-w').png().toFile(join(folder, 'e.png'));
    await grey.clone().toColourspace('rgb16').png().toFile(join(folder, 'f.png'));
    await grey.clone().toColourspace('grey16').png().toFile(join(folder, 'g.png'));
    await grey.clone().ensureAlpha(0.5).png().toFile(join(folder, 'h.png'));
    await grey.clone().png({ palette: true }).toFile(join(folder, 'i.png'));
    await grey.clone().toColourspace('cmyk').jpeg().toFile(join(folder, 'j.jpg'));
    await grey.clone().avif({ lossless: true }).toFile(join(folder, 'k.avif'));
    const data = await openDataset(dataSpec(folder), [input('x', ['N', 3, 4, 4])], { order: 'all' });
    expect(data.warnings).toEqual([]);
    expect(data.size).toBe(11);
    const values = Array.from((await data.read(0, 11)).x.data, Number);
    for (let i = 0; i < 11; i++) {
      const worst = Math.max(...values.slice(i * 48, i * 48 + 48).map((v) => Math.abs(v - 120)));
      // The tenth went to CMYK by a profile and comes back without one.
      expect(worst, `picture ${i}`).toBeLessThanOrEqual(i === 9 ? 30 : 1);
    }
  });

  it('turns CMYK into RGB as PIL does, without a profile', async () => {
    const folder = await newFolder();
    await put(join(folder, 'a.tif'), inkTiff([99, 56, 152, 0, 12, 250, 3, 100]));
    const data = await openDataset(dataSpec(folder), [input('x', ['N', 3, 1, 2])]);
    const { x } = await data.read(0, 1);
    // What Image.open(...).convert('RGB') of Pillow 12 gives for these two pixels, channel by channel.
    expect(Array.from(x.data, Number)).toEqual([156, 148, 199, 3, 103, 153]);
  });

  it("takes pictures of the model's size as they are, scales others, and says so", async () => {
    const folder = await newFolder();
    const checkers = picture(8, 8, (y, x) => ((x + y) % 2) * 200);
    await checkers.png().toFile(join(folder, 'a.png'));
    const model = [input('x', ['N', 3, 8, 8])];
    const imagenet = { preprocessing: { preset: 'imagenet' as const, mean: [0], std: [1 / 255] } };
    const data = await openDataset(dataSpec(folder, imagenet), model);
    const pixels = Array.from((await data.read(0, 1)).x.data.subarray(0, 10), Number).map(Math.round);
    expect(pixels).toEqual([0, 200, 0, 200, 0, 200, 0, 200, 200, 0]);
    expect(data.preparation).toBe(
      'pictures taken as they are (8x8); RGB; (pixel / 255 - [0]) / [0.003922], preset imagenet',
    );
    await plainPicture(20, 16, [7, 7, 7]).png().toFile(join(folder, 'b.png'));
    const mixed = await openDataset(dataSpec(folder, imagenet), model);
    expect(mixed.preparation).toMatch(
      /^pictures 1 of 2 taken as they are \(8x8\), 1 of 2 scaled to cover 9x9, their central 8x8 cut out; RGB;/,
    );
    const asked = { preprocessing: { ...imagenet.preprocessing, resize: 'crop' as const } };
    const cropped = await openDataset(dataSpec(folder, asked), model);
    expect(cropped.preparation).toMatch(/^pictures scaled to cover 9x9, their central 8x8 cut out;/);
  });

  it('leaves broken and lying pictures out, names them, and takes others instead', async () => {
    const folder = await newFolder();
    for (let i = 0; i < 6; i++) {
      await picture(40, 40, (y, x) => (y * x + i) % 256)
        .png()
        .toFile(join(folder, `good${i}.png`));
    }
    const whole = await picture(40, 40, (y, x, c) => (y * 31 + x * 17 + c * 91) % 256)
      .png()
      .toBuffer();
    await put(join(folder, 'cut.png'), whole.subarray(0, whole.length / 2));
    await put(join(folder, 'empty.jpg'), '');
    await put(join(folder, 'text.jpg'), 'not a picture');
    await put(
      join(folder, 'drawing.png'),
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
    );
    // Claims 60,000 x 60,000 pixels.
    const lying = Buffer.from(whole);
    lying.writeUInt32BE(60000, 16);
    lying.writeUInt32BE(60000, 20);
    await put(join(folder, 'lying.png'), lying);
    const model = [input('x', ['N', 3, 8, 8])];
    const all = await openDataset(dataSpec(folder), model, { order: 'all' });
    expect(all.size).toBe(6);
    expect(all.warnings).toHaveLength(1);
    expect(all.warnings[0]).toMatch(
      /^5 files were left out because they cannot be decoded: cut\.png \(.+\), drawing\.png \(.+\), empty\.jpg \(it is empty\), lying\.png \(.+\), text\.jpg \(.+\)\.$/,
    );
    const six = await openDataset(dataSpec(folder, { samples: 6, seed: 3 }), model);
    expect(six.size).toBe(6);
    expect((await six.read(0, 6)).x.dims).toEqual([6, 3, 8, 8]);
  });

  it('extreme proportions cost nothing', async () => {
    const folder = await newFolder();
    await picture(1, 16000, (_, x) => x % 256)
      .png()
      .toFile(join(folder, 'line.png'));
    expect((await tensorOf(folder, input('x', ['N', 3, 224, 224]), { preset: 'imagenet' })).dims).toEqual([
      1, 3, 224, 224,
    ]);
  });

  it('nothing that can be decoded, nothing there, pictures of no known kind', async () => {
    const model = [input('x', ['N', 3, 8, 8])];
    const broken = await newFolder();
    await put(join(broken, 'a.png'), 'x');
    expect((await failure(openDataset(dataSpec(broken), model))).message).toMatch(
      /No picture in .* can be decoded: a\.png \(/,
    );
    const empty = await newFolder();
    expect((await failure(openDataset(dataSpec(empty), model))).message).toMatch(
      /is empty; give a folder of pictures/,
    );
    await put(join(empty, 'a.pcx'), 'x');
    expect((await failure(openDataset(dataSpec(empty), model))).message).toMatch(
      /holds no pictures, only \.pcx; .*\.png/,
    );
    const file = await put(join(root, 'single.png'), 'x');
    expect((await failure(openDataset(dataSpec(file), model))).message).toMatch(
      /is a single picture; give the folder/,
    );
  });

  it('hidden files and circular links are passed over; a picture deleted later is named', async () => {
    const folder = await newFolder();
    await plainPicture(4, 4, [1, 2, 3]).png().toFile(join(folder, 'a.png'));
    await put(join(folder, '._a.png'), 'resource fork');
    await put(join(folder, '.cache', 'b.png'), 'x');
    await symlink(folder, join(folder, 'loop'), 'junction');
    const data = await openDataset(dataSpec(folder, { samples: 1 }), [input('x', ['N', 3, 4, 4])]);
    expect([data.size, data.warnings]).toEqual([1, []]);
    await rm(join(folder, 'a.png'));
    await data.read(0, 1);
    await data.close();
    expect((await failure(data.read(0, 1))).message).toMatch(/a\.png could be read a moment ago/);
  });
});

describe('opened again with what is known of the pictures', () => {
  const model = [input('x', ['N', 3, 4, 4])];

  it('those that were decoded are not decoded again, further ones are', async () => {
    const folder = await newFolder();
    const files = Array.from({ length: 6 }, (_, i) => join(folder, `${i}.png`));
    for (const [i, file] of files.entries()) await plainPicture(4, 4, [i, i, i]).png().toFile(file);
    await put(join(folder, 'broken.png'), 'x');
    const decoded = new DecodedPictures();
    const valuesOf = async (samples: number): Promise<number[]> => {
      const data = await openDataset(dataSpec(folder, { samples }), model, { decoded });
      const { x } = await data.read(0, data.size);
      await data.close();
      return Array.from({ length: data.size }, (_, i) => Number(x.data[48 * i]));
    };
    const first = await valuesOf(3);
    expect(new Set(first).size).toBe(3);
    // Nobody could decode these now.
    for (const value of first) await put(files[value], 'x');
    expect(await valuesOf(2)).toEqual(first.slice(0, 2));
    const all = await valuesOf(7);
    expect(all.slice(0, 3)).toEqual(first);
    expect([...all].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('another size is decoded anew; files that cannot be decoded are named by those who meet them', async () => {
    const folder = await newFolder();
    await plainPicture(8, 8, [9, 9, 9]).png().toFile(join(folder, 'a.png'));
    await put(join(folder, 'b.png'), 'x');
    const decoded = new DecodedPictures();
    for (const size of [4, 8]) {
      const data = await openDataset(dataSpec(folder), [input('x', ['N', 3, size, size])], { decoded });
      expect((await data.read(0, 1)).x.dims).toEqual([1, 3, size, size]);
      expect(data.warnings.join()).toMatch(/1 files were left out because they cannot be decoded: b\.png/);
    }
  });
});

describe('open sizes', () => {
  const open = input('x', ['N', 3, 'H', 'W']);
  const shapeFor = async (sizes: [number, number][], model = open, shapes: Record<string, number[]> = {}) => {
    const folder = await newFolder();
    for (const [i, [height, width]] of sizes.entries()) {
      await plainPicture(height, width, [i, i, i])
        .png()
        .toFile(join(folder, `${i}.png`));
    }
    const data = await openDataset(dataSpec(folder, { shapes, samples: sizes.length }), [model]);
    expect((await data.read(0, 1)).x.dims).toEqual(data.shapes.x);
    return { shape: data.shapes.x, warnings: data.warnings };
  };

  it("the pictures' own size, in steps of 32", async () => {
    const { shape, warnings } = await shapeFor([
      [250, 310],
      [250, 310],
    ]);
    expect(shape).toEqual([1, 3, 256, 320]);
    expect(warnings).toEqual([
      'Input "x" leaves sizes open; 1x3x256x320 was taken (every picture is 250x310). Give others with --shape x=1x3x256x320.',
    ]);
    expect((await shapeFor([[28, 28]])).shape).toEqual([1, 3, 28, 28]);
    expect((await shapeFor([[3000, 2000]])).shape).toEqual([1, 3, 640, 416]);
  });

  it('224 where they differ, the median proportion where one side is fixed', async () => {
    expect(
      (
        await shapeFor([
          [250, 310],
          [250, 300],
        ])
      ).shape,
    ).toEqual([1, 3, 224, 224]);
    const recognizer = input('x', ['N', 3, 48, 'W']);
    expect(
      (
        await shapeFor(
          [
            [20, 130],
            [20, 133],
            [10, 500],
          ],
          recognizer,
        )
      ).shape,
    ).toEqual([1, 3, 48, 320]);
  });

  it('what the user says', async () => {
    const { shape, warnings } = await shapeFor([[250, 310]], open, { x: [8, 3, 96, 64] });
    expect(shape).toEqual([1, 3, 96, 64]);
    expect(warnings).toEqual([]);
  });
});

describe('the example', () => {
  const examples = fileURLToPath(new URL('../../../../examples/', import.meta.url));
  const model = [input('image', ['N', 3, 32, 32])];
  const preprocessing: Preprocessing = { preset: 'cifar10' };

  it.skipIf(!existsSync(join(examples, 'calibration')))('64 calibration pictures', async () => {
    const data = await openDataset(dataSpec(join(examples, 'calibration'), { preprocessing }), model);
    expect(data.description).toBe('64 images in calibration/');
    expect([data.size, data.labels, data.warnings]).toEqual([64, null, []]);
    const values = (await data.read(0, 64)).image.data as Float32Array;
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.3);
  });

  it.skipIf(!existsSync(join(examples, 'test')))('500 labelled test pictures', async () => {
    const data = await openDataset(dataSpec(join(examples, 'test'), { preprocessing }), model, {
      order: 'all',
    });
    expect(data.size).toBe(500);
    expect(data.classNames).toHaveLength(10);
    expect(data.classNames!.slice(0, 2)).toEqual(['airplane', 'automobile']);
    expect(Array.from(data.labels!)).toEqual(Array.from({ length: 500 }, (_, i) => Math.floor(i / 50)));
  });
});

/** An uncompressed TIFF of one line in cyan, magenta, yellow and black. */
function inkTiff(ink: number[]): Buffer {
  const SHORT = 3;
  const LONG = 4;
  const tags: [tag: number, type: number, count: number, value: number][] = [
    [256, LONG, 1, ink.length / 4],
    [257, LONG, 1, 1],
    [258, SHORT, 4, 0],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 5],
    [273, LONG, 1, 0],
    [277, SHORT, 1, 4],
    [278, LONG, 1, 1],
    [279, LONG, 1, ink.length],
  ];
  const depths = 8 + 2 + 12 * tags.length + 4;
  tags[2][3] = depths;
  tags[5][3] = depths + 8;
  const file = Buffer.alloc(depths + 8 + ink.length);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, type, count, value], i) => {
    const at = 10 + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  for (let i = 0; i < 4; i++) file.writeUInt16LE(8, depths + 2 * i);
  file.set(ink, depths + 8);
  return file;
}
