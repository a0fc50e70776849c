/** Operators that select, and the small integer tensors by which exporters compute shapes inside the graph. */
import { findAttribute, intAttribute, intsAttribute } from '../proto/attributes';
import type { Dimension } from '../proto/dims';
import { axisOf, elements, type Shape } from '../proto/dims';
import type { NodeProto } from '../proto/onnx_pb';
import { smallValues } from '../proto/tensors';
import type { Known, Rule } from './rule';

/** Longest tensor whose values are followed. */
const LIMIT = 1024;

const shapeOf: Rule = (node, known) => {
  const x = known.shape(0);
  if (!x) return [{ shape: [''] }];
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + x.length : at, 0), x.length);
  const values = x.slice(clamp(intAttribute(node, 'start', 0)), clamp(intAttribute(node, 'end', x.length)));
  return [{ shape: [values.length], values }];
};

const size: Rule = (_node, known) => {
  const x = known.shape(0);
  return [{ shape: [], values: [(x && elements(x)) ?? ''] }];
};

const gather: Rule = (node, known) => {
  const [x, indices] = [known.shape(0), known.shape(1)];
  const list = known.values(0);
  const picked = known.values(1);
  const values =
    list && picked && x?.length === 1
      ? picked.map((at): Dimension =>
          typeof at === 'number' ? (list[at < 0 ? at + list.length : at] ?? '') : '',
        )
      : undefined;
  const axis = x ? axisOf(intAttribute(node, 'axis', 0), x.length) : undefined;
  if (!x || !indices || axis === undefined) return [{ shape: null, values }];
  return [{ shape: [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)], values }];
};

const sameAsIndices: Rule = (_node, known) => [{ shape: known.shape(1) }];

/** One axis of a Slice; open where something about it is. */
function cut(dim: Dimension, start: Dimension, end: Dimension, step: Dimension): Dimension {
  if (typeof start !== 'number' || typeof end !== 'number' || typeof step !== 'number' || step === 0)
    return '';
  if (typeof dim !== 'number') {
    // From the front to "as far as it goes" leaves everything.
    return start === 0 && end >= 2 ** 31 - 1 && step === 1 ? dim : '';
  }
  const [first, last] = bounds(dim, start, end, step);
  return Math.max(0, Math.ceil((last - first) / step));
}

/** Clamped start and end (ONNX spec of Slice). */
function bounds(length: number, start: number, end: number, step: number): [number, number] {
  const inside = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + length : at, low), high);
  return step > 0
    ? [inside(start, 0, length), inside(end, 0, length)]
    : [inside(start, 0, length - 1), inside(end, -1, length - 1)];
}

/** Attributes before opset 10, inputs after. */
function sliceArguments(node: NodeProto, known: Known, rank: number) {
  const starts = intsAttribute(node, 'starts') ?? known.values(1);
  const ends = intsAttribute(node, 'ends') ?? known.values(2);
  const given = intsAttribute(node, 'axes') ?? known.values(3);
  if (!given && (node.input[3] ?? '') !== '') return null;
  const count = starts?.length ?? ends?.length ?? rank;
  const axes = given ?? Array.from({ length: count }, (_, axis) => axis);
  const steps = known.values(4) ?? ((node.input[4] ?? '') === '' ? axes.map(() => 1) : axes.map(() => ''));
  return { starts, ends, axes, steps };
}

const slice: Rule = (node, known) => {
  const x = known.shape(0);
  if (!x) return [{ shape: null }];
  const given = sliceArguments(node, known, x.length);
  if (!given) return [{ shape: x.map(() => '') }];
  const shape: Dimension[] = [...x];
  given.axes.forEach((axis, i) => {
    const at = typeof axis === 'number' ? axisOf(axis, x.length) : undefined;
    if (at === undefined) return;
    shape[at] = cut(x[at], given.starts?.[i] ?? '', given.ends?.[i] ?? '', given.steps[i] ?? '');
  });
  const list = known.values(0);
  const [start, end, step] = [given.starts?.[0], given.ends?.[0], given.steps[0]];
  // Rows of a list of pairs are cut as the elements of a list are.
  const byRow = x.length === 1 || (given.axes.length === 1 && given.axes[0] === 0);
  const rows = x.length === 1 ? list?.length : x[0];
  const width = list && typeof rows === 'number' && rows > 0 ? list.length / rows : NaN;
  if (!list || !byRow || !Number.isInteger(width)) return [{ shape }];
  if (typeof start !== 'number' || typeof end !== 'number' || typeof step !== 'number' || step === 0) {
    return [{ shape }];
  }
  const [first, last] = bounds(list.length / width, start, end, step);
  const values: Dimension[] = [];
  for (let at = first; step > 0 ? at < last : at > last; at += step) {
    values.push(...list.slice(at * width, (at + 1) * width));
  }
  return [{ shape, values }];
};

/** The shape is the value of the input; filled with one number, by default 0. */
const constantOfShape: Rule = (node, known) => {
  const shape = known.values(0);
  if (!shape) return [{ shape: null }];
  const fill = findAttribute(node, 'value')?.t;
  const count = shape.length <= 1 ? elements(shape) : null;
  const value = fill ? smallValues(fill)?.[0] : 0;
  const whole = count !== null && count <= LIMIT && value !== undefined && Number.isInteger(value);
  return [{ shape, values: whole ? new Array<Dimension>(count).fill(value) : undefined }];
};

const range: Rule = (_node, known) => {
  const [start, limit, step] = [known.values(0)?.[0], known.values(1)?.[0], known.values(2)?.[0]];
  if (typeof start !== 'number' || typeof limit !== 'number' || typeof step !== 'number' || step === 0) {
    return [{ shape: [''] }];
  }
  const count = Math.max(0, Math.ceil((limit - start) / step));
  const values = count <= LIMIT ? Array.from({ length: count }, (_, i) => start + i * step) : undefined;
  return [{ shape: [count], values }];
};

const oneHot: Rule = (node, known) => {
  const indices = known.shape(0);
  if (!indices) return [{ shape: null }];
  const axis = axisOf(intAttribute(node, 'axis', -1), indices.length + 1) ?? indices.length;
  const shape: Shape = [...indices.slice(0, axis), known.values(1)?.[0] ?? '', ...indices.slice(axis)];
  return [{ shape }];
};

const topK: Rule = (node, known) => {
  const x = known.shape(0);
  const axis = x ? axisOf(intAttribute(node, 'axis', -1), x.length) : undefined;
  if (!x || axis === undefined) return [];
  const k: Dimension = findAttribute(node, 'k') ? intAttribute(node, 'k', 0) : (known.values(1)?.[0] ?? '');
  const shape = x.map((dim, i) => (i === axis ? k : dim));
  return [{ shape }, { shape }];
};

/** Sums over equal letters, with "..." left alone: only plain equations are followed. */
const einsum: Rule = (node, known) => {
  const equation = new TextDecoder().decode(findAttribute(node, 'equation')?.s).replace(/\s/g, '');
  const [left, right] = equation.split('->');
  if (right === undefined || equation.includes('.')) return [{ shape: null }];
  const sizes = new Map<string, Dimension>();
  left.split(',').forEach((letters, index) => {
    [...letters].forEach((letter, axis) => {
      const dim = known.shape(index)?.[axis] ?? '';
      const before = sizes.get(letter);
      sizes.set(letter, typeof before === 'number' ? before : combineNames(before, dim));
    });
  });
  return [{ shape: [...right].map((letter) => sizes.get(letter) ?? '') }];
};

function combineNames(before: Dimension | undefined, dim: Dimension): Dimension {
  return before === undefined || before === '' || typeof dim === 'number' ? dim : before;
}

const gatherNd: Rule = (node, known) => {
  const [x, indices] = [known.shape(0), known.shape(1)];
  const depth = indices?.[indices.length - 1];
  if (!x || !indices || typeof depth !== 'number') return [{ shape: null }];
  return [{ shape: [...indices.slice(0, -1), ...x.slice(intAttribute(node, 'batch_dims', 0) + depth)] }];
};

export const dataRules: Record<string, Rule> = {
  Shape: shapeOf,
  Size: size,
  Gather: gather,
  GatherElements: sameAsIndices,
  GatherND: gatherNd,
  Slice: slice,
  ConstantOfShape: constantOfShape,
  Range: range,
  OneHot: oneHot,
  TopK: topK,
  Einsum: einsum,
};
