/** The share of a file that can be quantized, in words: whoever reads a ratio must know what it cannot reach. */
import { formatSize } from '../common/sizes';
import { InfeasibleBudgetError } from '../core/allocation/infeasible';
import type { InspectReply } from '../engine/protocol';

/** Below this share of the file it is said what stays as it is. */
const WORTH_A_WORD = 0.95;
/** Operators that are named. */
const NAMED = 4;

type Sizes = Pick<InspectReply, 'shares' | 'bytes' | 'network'>;

/** One line for each operator whose tensors stay as they are, the largest first. */
export function stayingLines({ shares, bytes }: Sizes, most = NAMED): string[] {
  const worth = shares.staying.filter((group) => group.bytes >= bytes / 1000).slice(0, most);
  return worth.map(({ op, bytes: own, largest }) => {
    const names = largest.map((tensor) => `${tensor.name} (${formatSize(tensor.bytes)})`).join(', ');
    return `  ${op === '' ? 'read by no node' : op}: ${formatSize(own)}, the largest ${names}`;
  });
}

/** "98.7 % of the file can be quantized (89.2 MB of 90.4 MB)". */
export function shareLine({ shares, bytes }: Sizes): string {
  const percent = Math.min(100, (100 * shares.quantizable) / bytes);
  return `${percent.toFixed(1)} % of the file can be quantized (${formatSize(shares.quantizable)} of ${formatSize(bytes)})`;
}

/**
 * Bits on average over all weights, those that stay floats included.
 * @param bits one per function
 */
export function averageOverAll({ shares, network }: Sizes, bits: readonly number[]): number {
  const { elements, bits: floatBits } = shares.floats;
  const params = network.functions.reduce((sum, f) => sum + f.params, elements);
  const used = network.functions.reduce((sum, f, i) => sum + f.params * bits[i], floatBits);
  return params > 0 ? used / params : 0;
}

/** What a size or an average leaves out; nothing where nearly all of the file can be quantized. */
export function stayingNotes(sizes: Sizes, bits: readonly number[]): string[] {
  if (sizes.shares.quantizable >= WORTH_A_WORD * sizes.bytes) return [];
  const average = averageOverAll(sizes, bits).toFixed(2);
  return [
    `${shareLine(sizes)}; ${average} bits on average over all weights. What stays as it is:`,
    ...stayingLines(sizes),
  ];
}

/** A size that cannot be reached is told with what of the file no bits can change. */
export async function namingWhatStays<T>(sizes: Sizes, allocate: () => Promise<T>): Promise<T> {
  try {
    return await allocate();
  } catch (error) {
    if (
      error instanceof InfeasibleBudgetError &&
      error.shortfalls.some(({ budget }) => budget.kind === 'bytes')
    ) {
      error.message += stayingSentence(sizes);
    }
    throw error;
  }
}

/** '' where what stays as it is has no part in it. */
function stayingSentence({ shares, bytes }: Sizes): string {
  if (shares.quantizable >= WORTH_A_WORD * bytes) return '';
  const [first] = shares.staying.flatMap(({ op, largest }) => largest.map((tensor) => ({ ...tensor, op })));
  const largest = first
    ? `; the largest tensor is ${first.name} of ${first.op}, ${formatSize(first.bytes)}`
    : '';
  return ` ${formatSize(bytes - shares.quantizable)} of the ${formatSize(bytes)} cannot be quantized${largest}.`;
}
