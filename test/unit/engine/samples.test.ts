import { expect, it } from 'vitest';
import type { Dataset } from '../../../src/calibration/inputs/dataset';
import { Job } from '../../../src/engine/process/job/job';
import { Samples } from '../../../src/engine/process/ort/samples';

const job = new Job(
  () => undefined,
  () => undefined,
);
const ROOM = 1e6;

/** Ten samples of one number, `first` and on; counts what is read of them. */
function numbersFrom(first: number, identity?: string): { dataset: Dataset; reads: () => number } {
  let reads = 0;
  const dataset: Dataset = {
    description: '',
    synthetic: false,
    ...(identity === undefined ? {} : { identity }),
    size: 10,
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
