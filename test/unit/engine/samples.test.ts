import { expect, it } from 'vitest';
import type { Dataset } from '../../../src/calibration/inputs/dataset';
import { Job } from '../../../src/engine/process/job/job';
import { Samples } from '../../../src/engine/process/ort/samples';

const job = new Job(
  () => undefined,
  () => undefined,
);
const ROOM = 1e6;

/** Samples of one number, `first` and on; counts what is read of them. */
function numbersFrom(first: number, identity?: string, size = 10): { dataset: Dataset; reads: () => number } {
  let reads = 0;
  const dataset: Dataset = {
    description: '',
    synthetic: false,
    ...(identity === undefined ? {} : { identity }),
    size,
    labels: null,
    classNames: null,
    classList: null,
    warnings: [],
    shapes: { x: [1, 1] },
    batchAxes: { x: 0 },
    read: (start, count) => {
      reads += count;
      const data = Float32Array.from({ length: count }, (_, i) => first + start + i);
      return Promise.resolve({ x: { type: 'float32', data, dims: [count, 1] } });
    },
    close: () => Promise.resolve(),
  };
  return { dataset, reads: () => reads };
}

async function taken(dataset: Dataset, memory = ROOM): Promise<number[]> {
  const samples = await Samples.open(dataset, memory, job, () => undefined);
  return [...((await samples.take([9, 0, 4])).x.data as Float32Array)];
}

it('samples of the same data are read once for several jobs', async () => {
  const { dataset, reads } = numbersFrom(0, 'a');
  expect(await taken(dataset)).toEqual([9, 0, 4]);
  expect(await taken(dataset)).toEqual([9, 0, 4]);
  expect(reads()).toBe(10);
});

it('of more samples of the same data, only the further ones are read', async () => {
  const [few, more] = [numbersFrom(0, 'more', 6), numbersFrom(0, 'more')];
  await Samples.open(few.dataset, ROOM, job, () => undefined);
  expect(await taken(more.dataset)).toEqual([9, 0, 4]);
  expect([few.reads(), more.reads()]).toEqual([6, 4]);
  // And of fewer none, also where the last job asked for fewer.
  for (const { dataset } of [few, more]) await Samples.open(dataset, ROOM, job, () => undefined);
  expect([few.reads(), more.reads()]).toEqual([6, 4]);
});

it('samples whose size depends on how many are asked for are read again', async () => {
  const [small, large] = [numbersFrom(0, 'sized', 6), numbersFrom(100, 'sized')];
  await Samples.open(small.dataset, ROOM, job, () => undefined);
  expect(await taken({ ...large.dataset, shapes: { x: [1, 2] } })).toEqual([109, 100, 104]);
});

it('data that have changed, or of which that is not known, are read again', async () => {
  const [before, after, unknown] = [numbersFrom(0, 'b'), numbersFrom(100, 'c'), numbersFrom(200)];
  expect(await taken(before.dataset)).toEqual([9, 0, 4]);
  expect(await taken(after.dataset)).toEqual([109, 100, 104]);
  expect(await taken(unknown.dataset)).toEqual([209, 200, 204]);
  expect(await taken(unknown.dataset)).toEqual([209, 200, 204]);
  expect(unknown.reads()).toBe(20);
});

it('what does not fit in the memory that is left is read when it is needed, whatever was kept', async () => {
  const { dataset, reads } = numbersFrom(0, 'd');
  await taken(dataset);
  expect(await taken(dataset, 8)).toEqual([9, 0, 4]);
  expect(reads()).toBe(13);
});
