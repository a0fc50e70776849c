import { describe, expect, it } from 'vitest';
import type { ModelProto } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { mobilenetV2, resnet18, tinyCnn } from '../support/models/zoo';
import { expectSameOrm, referenceGrams, save, scoreOnce, synthetic } from './harness';

const AT_ONCE = 'samples all at once';
const ONE_BY_ONE = 'does not take several samples at once';

async function check(model: ModelProto, samples: number, batch = 1): Promise<string> {
  const path = save(model);
  const data = synthetic(samples);
  const { reply, log } = await scoreOnce(path, data);
  expectSameOrm(reply, await referenceGrams(path, data, batch));
  return log.join('\n');
}

/** conv, then a tail that the callback adds, then a linear layer on what it returns. */
function withTail(
  batch: number | string,
  tail: (b: ModelBuilder, x: string) => string,
  features: number,
): ModelProto {
  const b = new ModelBuilder();
  const x = b.relu(b.conv(b.input('input', [batch, 3, 8, 8]), 4, { kernel: 3 }));
  const flat = b.setChannels(tail(b, x), features);
  return b.output(b.matmul(flat, 5)).build();
}

describe('a batch dimension that the file fixes is opened', () => {
  it.each([1, 4])('at %i', async (batch) => {
    expect(await check(tinyCnn({ batch }), 8, batch)).toContain(AT_ONCE);
  });

  it('in networks shaped like the known ones', async () => {
    expect(await check(resnet18({ size: 32, width: 0.125, batch: 1 }), 6)).toContain(AT_ONCE);
    expect(await check(mobilenetV2({ size: 32, width: 0.25, batch: 1, opset: 10 }), 6)).toContain(AT_ONCE);
  });

  it('also in constant Reshape targets', async () => {
    const flatten = withTail(1, (b, x) => b.reshape(x, [1, 256]), 256);
    expect(await check(flatten, 6)).toContain(AT_ONCE);
    const inferred = withTail(1, (b, x) => b.reshape(x, [1, -1]), 256);
    expect(await check(inferred, 6)).toContain(AT_ONCE);
  });

  it('where a Reshape folds other axes into the batch', async () => {
    const folded = withTail(1, (b, x) => b.reshape(x, [4, 64]), 64);
    expect(await check(folded, 6)).toContain(AT_ONCE);
  });

  it('that only a Reshape fixes, the input being open', async () => {
    const baked = withTail('batch', (b, x) => b.reshape(x, [1, 256]), 256);
    expect(await check(baked, 6)).toContain(AT_ONCE);
  });
});

describe('samples run apart', () => {
  it('where the samples of a batch would mix', async () => {
    // The mean over all axes, the batch included.
    const mixing = (b: ModelBuilder, x: string) =>
      b.flatten(b.op('Sub', [x, b.op('ReduceMean', [x], { keepdims: 1 })]));
    expect(await check(withTail(1, mixing, 256), 5)).toContain(ONE_BY_ONE);
    expect(await check(withTail('batch', mixing, 256), 5)).toContain(ONE_BY_ONE);
  });

  it('as many at a time as the file fixes, the last ones repeated', async () => {
    const stuck = (b: ModelBuilder, x: string) =>
      b.flatten(b.add(x, b.initializer('table', [4, 4, 8, 8], b.random.normals(1024))));
    expect(await check(withTail(4, stuck, 256), 8, 4)).toContain(ONE_BY_ONE);
  });

  it('where there is but one sample of a batch of four', async () => {
    const stuck = (b: ModelBuilder, x: string) =>
      b.flatten(b.add(x, b.initializer('table', [4, 4, 8, 8], b.random.normals(1024))));
    const { reply } = await scoreOnce(save(withTail(4, stuck, 256)), synthetic(6));
    expect(reply.samples).toBe(6);
    expect(reply.grams.every(Number.isFinite)).toBe(true);
  });
});

it('follows a batch that runs along the second axis', async () => {
  const b = new ModelBuilder();
  const x = b.setChannels(b.input('frames', ['batch', 6, 10]), 10);
  const turned = b.setChannels(b.transpose(b.matmul(x, 8), [1, 0, 2]), 8);
  const path = save(b.output(b.matmul(b.relu(turned), 4)).build());
  const data = synthetic(6);
  const { reply, log } = await scoreOnce(path, data);
  expect(log.join('\n')).toContain(AT_ONCE);
  expectSameOrm(reply, await referenceGrams(path, data));
});

it('takes a model without a batch axis, and one with a second, shared input', async () => {
  const b = new ModelBuilder();
  const picture = b.input('picture', [3, 24, 24]);
  const x = b.setChannels(b.op('Unsqueeze', [picture, b.int64s('axes', [0])]), 3);
  const path = save(b.output(b.conv(b.relu(b.conv(x, 4, { kernel: 3 })), 4)).build());
  const data = synthetic(4);
  expectSameOrm((await scoreOnce(path, data)).reply, await referenceGrams(path, data));

  const c = new ModelBuilder();
  const scaled = c.op('Mul', [c.input('input', ['batch', 3, 8, 8]), c.input('gain', [])]);
  const second = save(c.output(c.conv(c.setChannels(scaled, 3), 4)).build());
  const { reply, log } = await scoreOnce(second, data);
  expect(log.join('\n')).toContain(AT_ONCE);
  expectSameOrm(reply, await referenceGrams(second, data));
});
