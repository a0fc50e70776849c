/** One function as sizes, limits and the integer program know it; pipeline, config and page all count with it. */
import { codeBits } from '../../common/integerProduct';
import { bitsOf } from '../../common/storageCode';

/** A function is the paper's word for a layer with its epilogue: what follows it up to the next layer. */
export interface FunctionFacts {
  name: string;
  /** Weight elements. */
  params: number;
  /** Bytes on disk at each storageCode that it can be stored at: packed codes, scales and the nodes that unpack them. */
  bytes: Readonly<Record<number, number>>;
  /** What the model's outputs would cost at each storageCode up to 8 bits with its weights alone so; absent: not measured. */
  noise?: Readonly<Record<number, number>> | null;
  /** Run time at each width, where a table was given. */
  milliseconds?: Readonly<Record<number, number>> | null;
  /** Multiply-accumulates for one sample; null: not known. */
  macs?: number | null;
  /** Elements of the activations that are alive while it runs, for one sample; null: not known. */
  activations?: number | null;
  /** Bits of the activations that it reads, in place of those of the whole network; and the noise of each width. */
  activationBits?: number;
  activationNoise?: Readonly<Record<number, number>>;
}

/** What is counted outside the functions. */
export interface NetworkFacts {
  /** Bytes of the file that no choice changes. */
  fixedBytes: number;
  /** Run time of what has no bits; default 0. */
  restMilliseconds?: number;
  /** Bits of the activations of functions that have none of their own; default 32 (float). */
  activationBits?: number;
}

/** Amounts of everything that can be limited; null where it is not known. */
export interface Uses {
  bytes: number | null;
  averageBits: number | null;
  /** MACs x weight bits x activation bits, for one sample. */
  bops: number | null;
  milliseconds: number | null;
  /** The largest over the functions. */
  activationBytes: number | null;
  /** Sum over the functions. */
  noise: number | null;
}

/** Noise of a function at a width of its weights (or storageCode), beside inputs of `inputBits`; undefined: not measured. */
export function noiseAt(f: FunctionFacts, bits: number, inputBits = f.activationBits): number | undefined {
  // Weights that are left alone make no noise.
  return f.noise ? (bitsOf(bits) > 8 ? 0 : f.noise[codeBits(bits, inputBits)]) : undefined;
}

/** Bytes of the activations that are alive while a function runs. */
export function activationBytes(elements: number, bits: number): number {
  return Math.ceil((elements * bits) / 8);
}

/** @param bits one per function (or storageCode); null: not decided, and then nothing that depends on it is known */
export function usesOf(
  functions: readonly FunctionFacts[],
  bits: readonly (number | null)[],
  { fixedBytes, restMilliseconds = 0, activationBits = 32 }: NetworkFacts,
): Uses {
  const amounts = (of: (f: FunctionFacts, width: number) => number | null | undefined): number[] | null => {
    const all = functions.map((f, i) => (bits[i] === null ? null : of(f, bits[i])));
    return all.every((amount) => amount != null) ? all : null;
  };
  const sum = (amount: number[] | null, start = 0): number | null =>
    amount && amount.reduce((total, each) => total + each, start);
  const inputBits = (f: FunctionFacts): number => f.activationBits ?? activationBits;
  const params = functions.reduce((total, f) => total + f.params, 0);
  const weighed = sum(amounts((f, width) => f.params * bitsOf(width)));
  const alive = functions.map((f) =>
    f.activations == null ? null : activationBytes(f.activations, inputBits(f)),
  );
  return {
    bytes: sum(
      amounts((f, width) => f.bytes[width]),
      fixedBytes,
    ),
    averageBits: weighed === null ? null : weighed / Math.max(1, params),
    bops: sum(amounts((f, width) => (f.macs == null ? null : f.macs * bitsOf(width) * inputBits(f)))),
    milliseconds: sum(
      amounts((f, width) => f.milliseconds?.[bitsOf(width)]),
      restMilliseconds,
    ),
    activationBytes: alive.every((each) => each !== null) ? Math.max(0, ...alive) : null,
    noise: sum(
      amounts((f, width) => {
        const own = noiseAt(f, width);
        return own === undefined ? null : own + (f.activationNoise?.[f.activationBits ?? 0] ?? 0);
      }),
    ),
  };
}
