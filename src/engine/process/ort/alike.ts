/** The proof that a model takes several samples at once: two of them in one run give what each gives alone. */
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import type { Feeds } from './session';

/** Norm of the difference over that of the values: kernels round differently for another batch. */
const SAME = 1e-3;
/** Share of whole numbers that rounding may tip over. */
const TIPPED = 0.01;

/** @param pair outputs for two samples in one run; @param alone for each of them in a run of its own */
export function isAlikeInBatch(pair: Feeds, alone: readonly [Feeds, Feeds]): boolean {
  return Object.entries(pair).every(([name, both]) => {
    const [first, second] = [alone[0][name], alone[1][name]];
    const { length: rank } = both.dims;
    if (first.dims.length !== rank || second.dims.length !== rank) return false;
    const axes = both.dims.flatMap((size, axis) => (size === first.dims[axis] ? [] : [axis]));
    // What does not depend on the samples is the same in every run.
    if (axes.length === 0) return isSame(both, first) && isSame(both, second);
    const [axis] = axes;
    if (axes.length > 1 || both.dims[axis] !== first.dims[axis] + second.dims[axis]) return false;
    const outer = both.dims.slice(0, axis).reduce((all, size) => all * size, 1);
    return isSame(both, joined(first, second, outer));
  });
}

/** Both along an axis with `outer` elements before it. */
function joined(a: Feeds[string], b: Feeds[string], outer: number): Feeds[string] {
  const data: unknown[] = [];
  const [sizeA, sizeB] = [a.data.length / outer, b.data.length / outer];
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < sizeA; i++) data.push(a.data[o * sizeA + i]);
    for (let i = 0; i < sizeB; i++) data.push(b.data[o * sizeB + i]);
  }
  return { type: a.type, dims: [], data } as unknown as Feeds[string];
}

function isSame(a: Feeds[string], b: Feeds[string]): boolean {
  if (a.data.length !== b.data.length || a.type !== b.type) return false;
  if (!isFloat(a.type)) {
    let different = 0;
    for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) different++;
    return different <= TIPPED * a.data.length;
  }
  const [x, y] = [numbers(a), numbers(b)];
  let [apart, all] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    // What is not finite is told elsewhere.
    if (!Number.isFinite(x[i]) && !Number.isFinite(y[i])) continue;
    apart += (x[i] - y[i]) ** 2;
    all += y[i] ** 2;
  }
  return apart <= SAME ** 2 * all;
}
