/** What a foreign format is: how our bits are written for another tool and, where it can be, read back. */
import type { Config } from '../config/config';
import type { BitWidth } from '../core/problem/widths';
import type { Network } from '../onnx/network/network';
import type { NameMap } from './names';

export interface FormatContext {
  /** Speaks of exactly the functions of `network`, in their order. */
  config: Config;
  network: Network;
  /** Names given by the user; empty: none. */
  names: NameMap;
  /** Per weight tensor of at most 8 bits, one scale per output channel; only for formats that need 'scales'. */
  scales: ReadonlyMap<string, Float32Array> | null;
  /** functions x functions, row-major; only for formats that need 'orm'. */
  orm: Float64Array | null;
}

export interface Written {
  content: string | Uint8Array;
  /** What the format could not say as it is, in sentences for people. */
  warnings: string[];
}

export interface ReadBits {
  /** By function name. */
  bits: Map<string, BitWidth>;
  /** Names in the file that no function of the network has. */
  unknown: string[];
  warnings: string[];
}

export interface Format {
  /** What --format takes. */
  id: string;
  /** For people. */
  title: string;
  /** What is done with it, as a phrase. */
  use: string;
  /** What follows the model's name in the proposed file name. */
  suffix: string;
  /** What has to be computed first. */
  needs?: 'scales' | 'orm';
  /** @throws FormatError */
  write(context: FormatContext): Written;
  /** Bits out of a file of this format. @throws FormatError, in a sentence that begins after the file's name */
  read?(text: string, context: Pick<FormatContext, 'network' | 'names'>): ReadBits;
}
