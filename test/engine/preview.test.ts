/** The check of a preprocessing: what the model sees of its pictures, and what it answers. */
import { resolve } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Preprocessing } from '../../src/calibration/inputs/spec';
import { scoreModel } from '../../src/pipeline/score';
import { settledData } from '../../src/pipeline/settledData';
import { inputScale } from '../../src/onnx/network/inputScale';
import { Graph } from '../../src/onnx/graph/graph';
import { readModel } from '../../src/onnx/files/file';
import { ModelBuilder } from '../support/models/builder';
import { save, startEngine } from './harness';

const MODEL = resolve('examples/resnet_cifar10.onnx');
const path = resolve('examples/calibration');

it('a model fed as it was trained answers most decidedly, and raw pixels tell the least', async () => {
  const { engine } = startEngine();
  const data = { path, samples: 12, seed: 0, shapes: {}, preprocessing: { preset: 'unit' as const } };
  const { guess, choices } = await engine.request({ kind: 'preview', model: MODEL, data, pictures: 2 });
  expect(guess).toMatchObject({ preprocessing: { preset: 'cifar10' }, isSure: false });
  const decided = Object.fromEntries(choices.map((one) => [one.preprocessing.preset, one.decided!]));
  expect(choices.map(({ problem }) => problem).filter(Boolean)).toEqual([]);
  for (const preset of ['signed', 'unit', 'raw']) expect(decided.cifar10).toBeGreaterThan(decided[preset]);
  expect(Math.min(...Object.values(decided))).toBe(decided.raw);
  const [first] = choices;
  expect(first.pictures).toHaveLength(2);
  expect(first.pictures[0].answers).toHaveLength(3);
  expect(first.range![0]).toBeGreaterThan(-2.5);
});

describe('a preset that the user leaves open', () => {
  const asked = { path, samples: 4, seed: 0, shapes: {}, preprocessing: {} };

  it("is the model's, with the reason, and kept in what was done to the pictures", async () => {
    const { engine } = startEngine();
    const { data, guess } = await settledData(engine, MODEL, asked, {});
    expect(data).toEqual({ ...asked, preprocessing: { preset: 'cifar10' } });
    const scoring = { granularity: 'layer', centered: true, decay: 'exp', beta: 1 } as const;
    const settings = { model: MODEL, data, guess, provider: 'cpu', memoryLimit: 0, ...scoring } as const;
    const { score } = await scoreModel(engine, settings, {});
    expect(score.preparation).toMatch(
      /taken as they are \(32x32\).*preset cifar10\. A guess: The input is 32 x 32, as CIFAR-10 has it\.$/,
    );
  });

  it('leaves what the user does say as it is', async () => {
    const { engine } = startEngine();
    const settled = (preprocessing: Partial<Preprocessing>) =>
      settledData(engine, MODEL, { ...asked, preprocessing }, {});
    const own = { mean: [0.5], std: [0.2] };
    expect(await settled({ preset: 'unit' })).toEqual({
      data: { ...asked, preprocessing: { preset: 'unit' } },
    });
    expect((await settled(own)).data.preprocessing).toEqual({ ...own, preset: 'imagenet' });
    expect((await settled({ resize: 'pad' })).data.preprocessing).toEqual({
      preset: 'cifar10',
      resize: 'pad',
    });
  });

  it('is asked of no model where the data are no pictures', async () => {
    const { engine } = startEngine();
    const { data, guess } = await settledData(engine, '/nowhere/net.onnx', { ...asked, path: null }, {});
    expect([data.preprocessing.preset, guess]).toEqual(['imagenet', undefined]);
  });
});

it('shows the colours in the order that the model is given', async () => {
  const { engine } = startEngine();
  const data = { path, samples: 1, seed: 0, shapes: {}, preprocessing: { preset: 'unit' as const } };
  const choices = [{ preset: 'cifar10' as const }, { preset: 'cifar10' as const, channels: 'BGR' as const }];
  const reply = await engine.request({ kind: 'preview', model: MODEL, data, choices, pictures: 1 });
  const [rgb, bgr] = await Promise.all(
    reply.choices.map(async ({ pictures }) => sharp(Buffer.from(pictures[0].png)).raw().toBuffer()),
  );
  expect([...rgb.subarray(0, 3)]).toEqual([...bgr.subarray(0, 3)].reverse());
});

it('what cannot be fed is told of that choice alone', async () => {
  const { engine } = startEngine();
  const data = { path, samples: 1, seed: 0, shapes: {}, preprocessing: { preset: 'unit' as const } };
  const choices = [{ preset: 'unit' as const, mean: [1, 2] }, { preset: 'unit' as const }];
  const reply = await engine.request({ kind: 'preview', model: MODEL, data, choices, pictures: 1 });
  expect(reply.choices[0].problem).toContain('mean has 2 values');
  expect(reply.choices[1].problem).toBeNull();
});

it('the first operators of a model tell what range it takes', async () => {
  const b = new ModelBuilder();
  const x = b.input('x', ['batch', 3, 8, 8]);
  const mean = b.initializer('mean', [1, 3, 1, 1], Float32Array.of(123.7, 116.3, 103.5));
  const deviation = b.initializer('deviation', [1, 3, 1, 1], Float32Array.of(58.4, 57.1, 57.4));
  const scaled = b.op('Div', [b.op('Sub', [x, mean]), deviation]);
  b.setChannels(scaled, 3);
  const model = save(b.output(b.conv(scaled, 4, { kernel: 1 }), ['batch', 4, 8, 8]).build());
  const found = inputScale(new Graph((await readModel(model)).graph!), 'x')!;
  expect(found.scale[1]).toBeCloseTo(1 / 57.1, 6);
  expect(found.offset[0]).toBeCloseTo(-123.7 / 58.4, 5);
  const { engine } = startEngine();
  const data = { path, samples: 1, seed: 0, shapes: {}, preprocessing: { preset: 'unit' as const } };
  const { guess } = await engine.request({ kind: 'preview', model, data, choices: [], pictures: 0 });
  expect(guess).toMatchObject({ preprocessing: { preset: 'raw' }, isSure: true });
  expect(guess.reason).toContain('(x - [124, 116, 104]) / [58.4, 57.1, 57.4]');
});
