/** What each kind of data offers, before samples are chosen. */
import type { ClassList } from '../labels/classes';
import type { GraphInput } from '../../onnx/network/network';
import type { DecodedPictures } from '../pictures/decodedPictures';
import type { Dataset, Tensor } from './dataset';
import type { InputSpec } from './inputShapes';

export interface OpenOptions {
  /** 'all': every sample in the data's own order, for evaluation. 'shuffled' (default): spec.samples by a seeded shuffle. */
  order?: 'shuffled' | 'all';
  /** Most bytes that are inflated out of one compressed array, and most that are held in memory; default 2 GiB. */
  maxBytes?: number;
  /** spec.samples is a limit, not a wish: no warning where there are fewer. */
  atMost?: boolean;
  /** What is known of the pictures, where the data are those of an earlier opening. */
  decoded?: DecodedPictures;
  signal?: AbortSignal;
  /** Fraction of the work of opening. */
  progress?: (fraction: number) => void;
}

export interface OpenContext {
  inputs: readonly GraphInput[];
  specs: readonly InputSpec[];
  maxBytes: number;
  /** Samples will be read once, front to back. */
  atMost: boolean;
  inOrder: boolean;
  decoded: DecodedPictures | undefined;
  signal: AbortSignal | undefined;
  progress: (fraction: number) => void;
}

/** Data found and understood, with more samples in it than may be wanted. */
export interface Source {
  /** Samples there are. */
  count: number;
  labels: Int32Array | null;
  classNames: string[] | null;
  /** The model's classes in their order, where a file beside the data lists them. */
  classList?: ClassList | null;
  /** "images in calibration/", to follow a number. */
  noun: string;
  warnings: string[];
  /** Takes `wanted` samples by the order of preference given (a permutation of 0..count-1); fewer where some turn out broken. */
  choose(order: readonly number[], wanted: number): Promise<Chosen>;
}

export interface Chosen extends Pick<Dataset, 'shapes' | 'read' | 'close'> {
  /** Which of the source's samples, in the order of reading. */
  indices: number[];
  warnings: string[];
  /** What was done to the samples, in one line, where anything was. */
  preparation?: string;
}

/** What is chosen where no sample can turn out broken: the first `wanted`. @param read samples by their numbers in the source */
export function firstOf(
  order: readonly number[],
  wanted: number,
  shapes: Chosen['shapes'],
  read: (indices: readonly number[]) => Promise<Tensors>,
): Chosen {
  const indices = order.slice(0, wanted);
  return {
    indices,
    shapes,
    warnings: [],
    read: (start, count) => read(indices.slice(start, start + count)),
    close: () => Promise.resolve(),
  };
}

export type Tensors = Record<string, Tensor>;
