/** Limits that counted quantized activations hold only in files that have them. */
import { listed } from '../common/words';
import type { Config } from './types';

const COUNTED = { bops: 'BOPs', activationBytes: 'activation memory', milliseconds: 'latency' };

type Counted = keyof typeof COUNTED;

export interface NeededActivations {
  /** For people: "BOPs and latency". */
  limits: string;
  /** What to export with: the bits that were found, or a width at most. */
  bits: 'config' | number;
}

/** Null where every limit holds with float activations, too. */
export function neededActivations({ allocation, functions }: Config): NeededActivations | null {
  const { limits = {}, activationBits = 32, activationWidths } = allocation;
  if (functions.every((f) => f.activationBits === 32)) return null;
  const isNarrow = activationWidths !== undefined || activationBits <= 8;
  const kinds = (Object.keys(COUNTED) as Counted[]).filter(
    // Run times below those of floats are those of integer kernels.
    (kind) =>
      limits[kind] !== undefined && (kind === 'milliseconds' ? isFasterOnIntegers(functions) : isNarrow),
  );
  if (kinds.length === 0) return null;
  const names = listed(kinds.map((kind) => COUNTED[kind]));
  return { limits: names, bits: activationWidths ? 'config' : Math.min(8, activationBits) };
}

function isFasterOnIntegers(functions: Config['functions']): boolean {
  return functions.some(({ milliseconds, bits }) => {
    const float = milliseconds?.[32];
    return bits <= 8 && (float === undefined || milliseconds![bits] < float);
  });
}

/** Whether an export with activations at `bits` (null: floats) keeps the limits. */
export function keepsNeeded(
  { functions }: Config,
  needed: NeededActivations,
  bits: 'config' | number | null,
) {
  if (bits === null) return false;
  if (needed.bits !== 'config') return bits === 'config' || bits <= needed.bits;
  return bits === 'config' || functions.every((f) => bits <= (f.activationBits ?? 8));
}

/** One sentence for people. */
export function neededSentence({ limits, bits }: NeededActivations): string {
  const counted = bits === 'config' ? 'the bits of activations that were found' : `${bits}-bit activations`;
  return `the limit on ${limits} counts ${counted}, and holds only in a file exported with --act-bits ${bits}`;
}
