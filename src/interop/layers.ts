/** The layers of a network with the bits that a config gives them. */
import { isBitWidth } from '../config/widths';
import { BIT_WIDTHS, type BitWidth } from '../core/problem/widths';
import type { Layer } from '../onnx/network/network';
import type { FormatContext, ReadBits } from './format';
import { list } from './names';

export interface LayerBits {
  layer: Layer;
  bits: BitWidth;
}

/** In network order. */
export function layerBits({ config, network }: Pick<FormatContext, 'config' | 'network'>): LayerBits[] {
  return network.functions.flatMap(({ layers }, i) =>
    layers.map((layer) => ({ layer, bits: config.functions[i].bits })),
  );
}

/** The same, one per stored tensor. */
export function tensorBits(context: Pick<FormatContext, 'config' | 'network'>): LayerBits[] {
  const tensors = new Map<string, LayerBits>();
  for (const each of layerBits(context)) {
    if (!tensors.has(each.layer.weight)) tensors.set(each.layer.weight, each);
  }
  return [...tensors.values()];
}

/** Collects what a format cannot say, and says it in one sentence per width. */
export class Losses {
  private readonly byText = new Map<string, string[]>();

  /** @param tool that cannot hold the width, e.g. "onnxruntime" */
  constructor(private readonly tool: string) {}

  /** The narrowest of `allowed` that holds `bits`; null where none does and the layer stays float. */
  fit(node: string, bits: number, allowed: readonly number[]): number | null {
    const width = allowed.find((each) => each >= bits) ?? null;
    if (width === null && bits !== 32) this.add(node, `${bits} bits: float is written`);
    else if (width !== null && width !== bits) this.add(node, `${bits} bits: ${width} bits are written`);
    return width;
  }

  /** The same for tools that leave no layer float: the widest where none is wide enough. */
  clamp(node: string, bits: number, allowed: readonly number[]): number {
    const width = allowed.find((each) => each >= bits) ?? allowed[allowed.length - 1];
    if (width !== bits) this.add(node, `${bits} bits: ${width} bits are written`);
    return width;
  }

  /** A layer of a kind that the tool has no quantized form of. */
  leave({ node, op }: Layer): void {
    this.add(node, `weights of ${op}: float is written`);
  }

  private add(node: string, what: string): void {
    this.byText.set(what, [...(this.byText.get(what) ?? []), node]);
  }

  get warnings(): string[] {
    return [...this.byText].map(
      ([what, nodes]) => `${this.tool} cannot express ${what} for ${list(nodes, 3)}.`,
    );
  }
}

/**
 * Bits of functions from what a file says of its own names.
 * @param found by the file's name, bits; 32 for what it leaves float
 * @param functionsOf the functions that one of the file's names stands for
 */
export function functionBits(
  found: ReadonlyMap<string, number>,
  functionsOf: (name: string) => readonly string[],
): ReadBits {
  const bits = new Map<string, BitWidth>();
  const unknown: string[] = [];
  const warnings: string[] = [];
  for (const [name, width] of found) {
    const functions = functionsOf(name);
    if (functions.length === 0) unknown.push(name);
    const stored = BIT_WIDTHS.find((each) => each >= width) ?? 32;
    if (!isBitWidth(width) && functions.length > 0) {
      warnings.push(`"${name}" has ${width} bits, which cannot be stored: ${stored} is taken.`);
    }
    for (const f of functions) {
      const before = bits.get(f);
      if (before !== undefined && before !== stored) {
        warnings.push(`"${f}" has layers of ${before} and ${stored} bits: the wider is taken.`);
      }
      bits.set(f, before === undefined || stored > before ? stored : before);
    }
  }
  return { bits, unknown, warnings };
}
