/** Calibration samples on their way into a session: any of them, in any order, read once where memory allows. */
import type { Dataset, Tensor } from '../../../calibration/inputs/dataset';
import type { GraphInput } from '../../../onnx/network/network';
import { product } from '../../../onnx/proto/dims';
import type { Job } from '../job/job';
import { span } from '../job/trace';
import type { Feeds } from './session';

/** Samples read from the data at a time. */
const BLOCK = 8;

/** The first samples, for the next job: a quantize scores, measures noise and compares on the same ones, and on more of them. */
let kept: { identity: string; held: readonly Feeds[] } | null = null;
/** Bytes of them, at most. */
const KEPT_BYTES = 256e6;

export class Samples {
  private constructor(
    private readonly dataset: Dataset,
    /** Each sample; null: they are read whenever they are needed. */
    private readonly held: readonly Feeds[] | null,
  ) {}

  /**
   * @param memory bytes that held samples may take; above it they are read again whenever they are needed
   * @param onProgress called with the share of samples that has been read
   */
  static async open(
    dataset: Dataset,
    memory: number,
    job: Job,
    onProgress: (share: number) => void,
  ): Promise<Samples> {
    const bytes = sampleBytes(dataset);
    if (bytes * dataset.size > memory) return new Samples(dataset, null);
    const identity = identityOf(dataset);
    const held = identity !== null && kept?.identity === identity ? [...kept.held] : [];
    kept = null;
    const read = async (): Promise<void> => {
      const step = hasBatch(dataset) ? BLOCK : 1;
      while (held.length < dataset.size) {
        await job.checkpoint();
        const count = Math.min(step, dataset.size - held.length);
        const block = await dataset.read(held.length, count);
        for (let i = 0; i < count; i++) held.push(pick(dataset, block, i));
        onProgress(held.length / dataset.size);
      }
    };
    if (held.length < dataset.size) await span('samples', read, `${held.length} to ${dataset.size}`);
    if (identity !== null) kept = { identity, held: held.slice(0, Math.floor(KEPT_BYTES / bytes)) };
    return new Samples(dataset, held);
  }

  get size(): number {
    return this.dataset.size;
  }

  /** False for models that take one sample at a time and have no axis for more. */
  get hasBatch(): boolean {
    return hasBatch(this.dataset);
  }

  get batchAxes(): Readonly<Record<string, number | null>> {
    return this.dataset.batchAxes;
  }

  /** Dims per input of a block of `count` samples. */
  shapes(count: number): Record<string, number[]> {
    return Object.fromEntries(
      Object.entries(this.dataset.shapes).map(([name, dims]) => [
        name,
        dims.map((size, axis) => (axis === this.batchAxes[name] ? count : size)),
      ]),
    );
  }

  /** The samples of these indices, stacked in this order. */
  async take(indices: readonly number[]): Promise<Feeds> {
    const parts: Feeds[] = [];
    for (let i = 0; i < indices.length;) {
      let end = i + 1;
      if (this.held) parts.push(this.held[indices[i]]);
      else {
        while (this.hasBatch && end < indices.length && indices[end] === indices[end - 1] + 1) end++;
        parts.push(await this.dataset.read(indices[i], end - i));
      }
      i = end;
    }
    return Object.fromEntries(
      Object.keys(parts[0]).map((name) => [
        name,
        stack(
          parts.map((part) => part[name]),
          this.batchAxes[name] ?? null,
        ),
      ]),
    );
  }
}

/** How many samples are asked for may decide sizes that the model leaves open. */
function identityOf({ identity, shapes, batchAxes }: Dataset): string | null {
  return identity === undefined ? null : JSON.stringify([identity, shapes, batchAxes]);
}

function hasBatch({ batchAxes }: Dataset): boolean {
  return Object.values(batchAxes).some((axis) => axis !== null);
}

/** One sample out of a block. */
function pick({ batchAxes }: Dataset, block: Feeds, index: number): Feeds {
  return Object.fromEntries(
    Object.entries(block).map(([name, tensor]) => {
      const axis = batchAxes[name] ?? null;
      return [name, axis === null ? tensor : slice(tensor, axis, index)];
    }),
  );
}

/** About the bytes of one sample over all inputs. */
export function sampleBytes(dataset: Dataset): number {
  // Four bytes per element: exact for pictures, near enough for the rest.
  return Object.values(dataset.shapes).reduce((sum, dims) => sum + 4 * product(dims), 0);
}

/** The index-th sample along `axis`; a view where samples lie one after another. */
function slice(tensor: Tensor, axis: number, index: number): Tensor {
  const dims = tensor.dims.map((size, i) => (i === axis ? 1 : size));
  const outer = product(tensor.dims.slice(0, axis));
  const inner = product(tensor.dims.slice(axis + 1));
  const data = tensor.data as Float32Array;
  if (outer === 1) return withData(tensor, dims, data.subarray(index * inner, (index + 1) * inner));
  const out = new (data.constructor as Float32ArrayConstructor)(outer * inner);
  for (let o = 0; o < outer; o++) {
    const from = (o * tensor.dims[axis] + index) * inner;
    out.set(data.subarray(from, from + inner), o * inner);
  }
  return withData(tensor, dims, out);
}

/** Concatenates along `axis`; null: an input that all samples share. */
function stack(tensors: readonly Tensor[], axis: number | null): Tensor {
  if (axis === null || tensors.length === 1) return tensors[0];
  const first = tensors[0];
  const sizes = tensors.map((tensor) => tensor.dims[axis]);
  const total = sizes.reduce((a, b) => a + b, 0);
  const dims = first.dims.map((size, i) => (i === axis ? total : size));
  const outer = product(first.dims.slice(0, axis));
  const inner = product(first.dims.slice(axis + 1));
  const out = new (first.data.constructor as Float32ArrayConstructor)(outer * total * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    tensors.forEach((tensor, t) => {
      const length = sizes[t] * inner;
      out.set((tensor.data as Float32Array).subarray(o * length, (o + 1) * length), at);
      at += length;
    });
  }
  return withData(first, dims, out);
}

/** `data` is of the class that `tensor` holds. */
const withData = (tensor: Tensor, dims: number[], data: unknown): Tensor =>
  ({ type: tensor.type, data, dims }) as Tensor;
/** The batch size that the inputs fix; null where it is open. */
export function fixedBatch(
  inputs: readonly GraphInput[],
  batchAxes: Readonly<Record<string, number | null>>,
): number | null {
  for (const { name, shape } of inputs) {
    const axis = batchAxes[name] ?? null;
    const size = axis === null ? undefined : shape[axis];
    if (typeof size === 'number' && size > 0) return size;
  }
  return null;
}

/** Exactly `batch` indices: the last one is repeated where there are fewer. */
export function padded(indices: readonly number[], batch: number): number[] {
  return Array.from({ length: batch }, (_, i) => indices[Math.min(i, indices.length - 1)]);
}
