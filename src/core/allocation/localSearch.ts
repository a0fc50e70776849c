/** Improving an allocation by trying: bits move from one function to another while the measured cost falls. */

export interface SwapSearch {
  /** Where to start: one width per function. */
  bits: readonly number[];
  /** Per function the widths it may take, rising; one where it is fixed. */
  widths: readonly (readonly number[])[];
  /** Groups of functions that must stay equal. */
  ties: readonly (readonly number[])[];
  /** Does an allocation keep all limits? */
  fits(bits: readonly number[]): boolean;
  /** Rough change of the cost when a function goes from one width to another: says what to try first. */
  estimate(index: number, from: number, to: number): number;
  /** The cost of an allocation, measured; null to stop. */
  measure(bits: readonly number[]): Promise<number | null>;
  /** Cost of `bits`. */
  cost: number;
}

export interface SwapResult {
  bits: number[];
  cost: number;
  /** Allocations measured. */
  tried: number;
}

/** A move must gain more than this share of the cost: less is noise of the few samples. */
export const LEAST_GAIN = 0.005;
/** Moves tried from one allocation before it counts as good enough. */
const PATIENCE = 24;

/** First improvement over single steps and swaps of one step up with one step down, most promising first. */
export async function searchSwaps(search: SwapSearch): Promise<SwapResult> {
  let bits = [...search.bits];
  let { cost } = search;
  let tried = 0;
  for (;;) {
    const moves = movesFrom(bits, search).slice(0, PATIENCE);
    let improved = false;
    for (const moved of moves) {
      const measured = await search.measure(moved);
      if (measured === null) return { bits, cost, tried };
      tried++;
      if (!(measured < cost * (1 - LEAST_GAIN))) continue;
      bits = moved;
      cost = measured;
      improved = true;
      break;
    }
    if (!improved) return { bits, cost, tried };
  }
}

interface Step {
  members: readonly number[];
  to: number;
  gain: number;
}

function movesFrom(bits: readonly number[], search: SwapSearch): number[][] {
  const { widths, ties } = search;
  const tied = new Set(ties.flat());
  const groups = [...ties, ...bits.flatMap((_, i) => (tied.has(i) ? [] : [[i]]))];
  const step = (members: readonly number[], by: 1 | -1): Step[] => {
    const [first] = members;
    const to = widths[first][widths[first].indexOf(bits[first]) + by];
    if (to === undefined) return [];
    return [{ members, to, gain: -members.reduce((sum, i) => sum + search.estimate(i, bits[i], to), 0) }];
  };
  const ups = groups.flatMap((members) => step(members, 1));
  const downs = groups.flatMap((members) => step(members, -1));
  const apply = (...steps: Step[]): number[] => {
    const moved = [...bits];
    for (const { members, to } of steps) for (const i of members) moved[i] = to;
    return moved;
  };
  const moves = [
    ...ups.map((up) => ({ gain: up.gain, moved: apply(up) })),
    ...ups.flatMap((up) =>
      downs.flatMap((down) =>
        down.members === up.members ? [] : [{ gain: up.gain + down.gain, moved: apply(up, down) }],
      ),
    ),
  ];
  return moves
    .filter(({ moved }) => search.fits(moved))
    .sort((a, b) => b.gain - a.gain)
    .map(({ moved }) => moved);
}
