/** From samples that lie one after another to a tensor with the samples on the model's batch axis. */
import { product } from '../../onnx/proto/dims';
import type { Tensor } from './dataset';
import { type InputSpec, withBatch, withoutBatch } from './inputShapes';
import { makeData, makeTensor, type TensorData } from './tensorTypes';

/**
 * @param data count samples of shape `shape` without its batch axis, sample after sample, in the input's type.
 * @param shape dims with one sample.
 */
export function stackSamples(
  spec: InputSpec,
  shape: readonly number[],
  data: TensorData,
  count: number,
): Tensor {
  const { batchAxis, type } = spec;
  const dims = withBatch(shape, batchAxis, count);
  if (batchAxis === null || batchAxis === 0) return makeTensor(type, data, dims);
  // Samples are outermost in `data`; in the tensor the axes before the batch axis are.
  const outer = product(shape.slice(0, batchAxis));
  const inner = product(shape.slice(batchAxis + 1));
  const out = makeData(type, data.length);
  for (let o = 0; o < outer; o++) {
    for (let n = 0; n < count; n++) {
      const from = (n * outer + o) * inner;
      (out as Float32Array).set((data as Float32Array).subarray(from, from + inner), (o * count + n) * inner);
    }
  }
  return makeTensor(type, out, dims);
}

/** The reverse: sample after sample. */
export function unstackSamples(
  dims: readonly number[],
  batchAxis: number | null,
  data: TensorData,
  make: (length: number) => TensorData,
): TensorData {
  if (batchAxis === null || batchAxis === 0) return data;
  const count = dims[batchAxis];
  const outer = product(dims.slice(0, batchAxis));
  const inner = product(dims.slice(batchAxis + 1));
  const out = make(data.length);
  for (let n = 0; n < count; n++) {
    for (let o = 0; o < outer; o++) {
      const from = (o * count + n) * inner;
      (out as Float32Array).set((data as Float32Array).subarray(from, from + inner), (n * outer + o) * inner);
    }
  }
  return out;
}

/** Sizes of one sample, against what the model wants; true where every size fits. */
export function sampleFits(spec: InputSpec, sample: readonly number[]): boolean {
  const wanted = withoutBatch(spec.shape, spec.batchAxis);
  return (
    wanted.length === sample.length && wanted.every((size, axis) => size === null || size === sample[axis])
  );
}
