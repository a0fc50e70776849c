/** How each standard operator turns input shapes into output shapes (ONNX operator specifications, opsets 1 to 25). */
import { findAttribute, intAttribute, intsAttribute } from '../proto/attributes';
import type { Dimension } from '../proto/dims';
import { axisOf, broadcast, combine, remainder, type Shape, times } from '../proto/dims';
import type { NodeProto } from '../proto/onnx_pb';
import type { Known, Rule } from './rule';
import { dataRules } from './valueRules';
import { windowRules } from './windowRules';

const same: Rule = (_node, known) => [{ shape: known.shape(0) }];

/** Same shape as the first input, and small integers pass through. */
const sameValues: Rule = (_node, known) => [{ shape: known.shape(0), values: known.values(0) ?? undefined }];

const elementwise: Rule = (node, known) => {
  const shapes = node.input.map((_, index) => known.shape(index));
  return [{ shape: shapes.every((shape) => shape !== null) ? broadcast(shapes) : null }];
};

const arithmetic =
  (compute: (a: number, b: number) => number): Rule =>
  (node, known) => {
    const [a, b] = [known.values(0), known.values(1)];
    const shape = elementwise(node, known)[0].shape;
    if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return [{ shape }];
    const length = Math.max(a.length, b.length);
    const at = (list: Dimension[], i: number) => list[list.length === 1 ? 0 : i];
    const values = Array.from({ length }, (_, i) => combine(at(a, i), at(b, i), compute));
    return [{ shape, values }];
  };

/** Matrix product with NumPy's rules for vectors and batches. */
const matMul: Rule = (_node, known) => {
  const [a, b] = [known.shape(0), known.shape(1)];
  if (!a || !b || a.length === 0 || b.length === 0) return [{ shape: null }];
  const rows = a.length > 1 ? [a[a.length - 2]] : [];
  const columns = b.length > 1 ? [b[b.length - 1]] : [];
  return [{ shape: [...broadcast([a.slice(0, -2), b.slice(0, -2)]), ...rows, ...columns] }];
};

const gemm: Rule = (node, known) => {
  const [a, b] = [known.shape(0), known.shape(1)];
  if (a?.length !== 2 || b?.length !== 2) return [{ shape: null }];
  const rows = a[intAttribute(node, 'transA', 0)];
  return [{ shape: [rows, b[1 - intAttribute(node, 'transB', 0)]] }];
};

/** Axes from the attribute (older opsets) or from the second input. */
function axesOf(node: NodeProto, known: Known): number[] | null {
  const attribute = intsAttribute(node, 'axes');
  if (attribute) return attribute;
  const values = known.values(1);
  return values?.every((axis) => typeof axis === 'number') ? values : null;
}

const reduce: Rule = (node, known) => {
  const shape = known.shape(0);
  if (!shape) return [{ shape: null }];
  const given = axesOf(node, known);
  const open = given === null && (node.input[1] ?? '') !== '';
  const keep = intAttribute(node, 'keepdims', 1) !== 0;
  if (open) return [{ shape: keep ? shape.map(() => '') : null }];
  if (given === null && intAttribute(node, 'noop_with_empty_axes', 0) !== 0) return [{ shape }];
  const axes = new Set((given ?? shape.map((_, axis) => axis)).map((axis) => axisOf(axis, shape.length)));
  return [{ shape: shape.flatMap((dim, axis) => (axes.has(axis) ? (keep ? [1] : []) : [dim])) }];
};

/** ArgMax and ArgMin: one axis. */
const argReduce: Rule = (node, known) => {
  const shape = known.shape(0);
  const axis = shape ? axisOf(intAttribute(node, 'axis', 0), shape.length) : undefined;
  if (!shape || axis === undefined) return [{ shape: null }];
  const keep = intAttribute(node, 'keepdims', 1) !== 0;
  return [{ shape: shape.flatMap((dim, i) => (i === axis ? (keep ? [1] : []) : [dim])) }];
};

const reshape: Rule = (node, known) => {
  const from = known.shape(0);
  const wanted = intsAttribute(node, 'shape') ?? known.values(1);
  if (!wanted) {
    // The rank, at least, is the length of the shape tensor.
    const rank = known.shape(1)?.[0];
    return [{ shape: typeof rank === 'number' && rank <= 64 ? new Array<Dimension>(rank).fill('') : null }];
  }
  const copyZero = intAttribute(node, 'allowzero', 0) === 0;
  const dims = wanted.map((dim, i): Dimension => (dim === 0 && copyZero ? (from?.[i] ?? '') : dim));
  const open = dims.indexOf(-1);
  if (open < 0) return [{ shape: dims, values: known.values(0) ?? undefined }];
  const others = dims.filter((_, i) => i !== open);
  dims[open] = from ? remainder(from, others) : '';
  return [{ shape: dims, values: known.values(0) ?? undefined }];
};

const flatten: Rule = (node, known) => {
  const shape = known.shape(0);
  if (!shape) return [{ shape: ['', ''] }];
  const given = intAttribute(node, 'axis', 1);
  const axis = given < 0 ? given + shape.length : given;
  return [{ shape: [remainder(shape.slice(0, axis), []), remainder(shape.slice(axis), [])] }];
};

const transpose: Rule = (node, known) => {
  const shape = known.shape(0);
  if (!shape) return [{ shape: null }];
  const perm = intsAttribute(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
  return [{ shape: perm.map((axis) => shape[axis] ?? ''), values: turned(shape, perm, known.values(0)) }];
};

/** Values of a transposed matrix: exporters turn lists of pads so. */
function turned(shape: Shape, perm: readonly number[], list: Dimension[] | null): Dimension[] | undefined {
  const [rows, columns] = shape;
  if (!list || perm.join() !== '1,0' || typeof rows !== 'number' || typeof columns !== 'number')
    return undefined;
  if (list.length !== rows * columns) return undefined;
  return list.map((_, i) => list[(i % rows) * columns + Math.floor(i / rows)]);
}

const squeeze: Rule = (node, known) => {
  const shape = known.shape(0);
  const values = known.values(0) ?? undefined;
  const given = axesOf(node, known);
  if (!shape || (given === null && (node.input[1] ?? '') !== '')) return [{ shape: null, values }];
  if (given === null && shape.some((dim) => typeof dim === 'string')) return [{ shape: null, values }];
  const axes = new Set(given?.map((axis) => axisOf(axis, shape.length)));
  return [{ shape: shape.filter((dim, axis) => (given ? !axes.has(axis) : dim !== 1)), values }];
};

const unsqueeze: Rule = (node, known) => {
  const shape = known.shape(0);
  const axes = axesOf(node, known);
  const values = known.values(0) ?? undefined;
  if (!shape || !axes) return [{ shape: null, values }];
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  let next = 0;
  const result = Array.from({ length: rank }, (_, axis): Dimension =>
    added.has(axis) ? 1 : (shape[next++] ?? ''),
  );
  return [{ shape: result, values }];
};

const concat: Rule = (node, known) => {
  const shapes: Shape[] = [];
  const lists: Dimension[][] = [];
  node.input.forEach((_, index) => {
    const shape = known.shape(index);
    if (shape) shapes.push(shape);
    const list = known.values(index);
    if (list) lists.push(list);
  });
  const values = lists.length === node.input.length ? lists.flat() : undefined;
  const first = shapes[0] as Shape | undefined;
  const axis = first ? axisOf(intAttribute(node, 'axis', 1), first.length) : undefined;
  if (!first || axis === undefined || shapes.some(({ length }) => length !== first.length)) {
    return [{ shape: null, values }];
  }
  const total = shapes.map((shape) => shape[axis]).reduce((a, b) => combine(a, b, (x, y) => x + y));
  const complete = shapes.length === node.input.length;
  const shape = first.map((dim, i) => {
    if (i === axis) return complete ? total : '';
    return shapes.map((each) => each[i]).find((each) => typeof each === 'number') ?? dim;
  });
  return [{ shape, values }];
};

const split: Rule = (node, known) => {
  const shape = known.shape(0);
  const axis = shape ? axisOf(intAttribute(node, 'axis', 0), shape.length) : undefined;
  if (!shape || axis === undefined) return [];
  const sizes = intsAttribute(node, 'split') ?? known.values(1);
  const parts = node.output.length;
  return node.output.map((_, index) => {
    const whole = shape[axis];
    let size: Dimension = '';
    if (sizes) size = sizes[index] ?? '';
    else if (typeof whole === 'number') {
      // Parts are equal; where they do not fit, the last one is smaller (opset 18).
      const each = Math.ceil(whole / parts);
      size = index < parts - 1 ? each : whole - each * (parts - 1);
    }
    return { shape: shape.map((dim, i) => (i === axis ? size : dim)) };
  });
};

const expand: Rule = (_node, known) => {
  const [shape, target] = [known.shape(0), known.values(1)];
  return [{ shape: shape && target ? broadcast([shape, target]) : null }];
};

const tile: Rule = (_node, known) => {
  const [shape, repeats] = [known.shape(0), known.values(1)];
  if (!shape) return [{ shape: null }];
  return [{ shape: shape.map((dim, i) => times(dim, repeats?.[i] ?? '')) }];
};

/** [time, batch, features] in, [time, directions, batch, hidden] and final states out. */
const recurrent: Rule = (node, known) => {
  const shape = known.shape(0);
  const hidden: Dimension = findAttribute(node, 'hidden_size') ? intAttribute(node, 'hidden_size', 0) : '';
  const directions = findAttribute(node, 'direction')?.s.length === 'bidirectional'.length ? 2 : 1;
  if (shape?.length !== 3 || intAttribute(node, 'layout', 0) !== 0) return [];
  const state: Shape = [directions, shape[1], hidden];
  return [{ shape: [shape[0], directions, shape[1], hidden] }, { shape: state }, { shape: state }];
};

function each(names: string, rule: Rule): Record<string, Rule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]));
}

export const rules: Readonly<Record<string, Rule | undefined>> = {
  ...each(
    'BatchNormalization InstanceNormalization GroupNormalization LayerNormalization RMSNormalization LRN LpNormalization ' +
      'MeanVarianceNormalization Relu LeakyRelu PRelu Sigmoid Tanh HardSigmoid HardSwish Elu Selu Celu Softplus Softsign ' +
      'Mish Gelu Swish ThresholdedRelu Clip Erf Exp Log Sqrt Neg Abs Reciprocal Floor Ceil Round Sign Not IsNaN IsInf Sin ' +
      'Cos Tan Asin Acos Atan Sinh Cosh Softmax LogSoftmax Hardmax CumSum Dropout QuantizeLinear DequantizeLinear ' +
      'Trilu Shrink BitwiseNot ScatterND ScatterElements Scatter ReverseSequence RandomNormalLike RandomUniformLike Bernoulli',
    same,
  ),
  ...each('Identity Cast CastLike', sameValues),
  ...each(
    'Pow Max Min Mean Sum And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Where BitShift BitwiseAnd BitwiseOr ' +
      'BitwiseXor Mod',
    elementwise,
  ),
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  // Integer division rounds towards zero.
  Div: arithmetic((a, b) => Math.trunc(a / b)),
  ...each(
    'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare',
    reduce,
  ),
  ...each('ArgMax ArgMin', argReduce),
  ...each('LSTM GRU RNN', recurrent),
  MatMul: matMul,
  MatMulInteger: matMul,
  Gemm: gemm,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  ...windowRules,
  ...dataRules,
};
