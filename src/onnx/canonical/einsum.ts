/**
 * Einsum with stored weights, written as MatMul where it is one: "bij,jk->bik", "bshd,hde->bse". The equation's letters
 * tell what is summed over, what both operands share, and what each has for itself; transposes and reshapes bring them
 * into the order that MatMul takes.
 */
import { Graph } from '../graph/graph';
import { Names } from '../graph/names';
import { elementTypes } from '../network/elementTypes';
import { isFloatType } from '../network/stored';
import { opsetOf, standardOp, stringAttribute } from '../proto/attributes';
import { int64s, node as makeNode } from '../proto/build';
import { product } from '../proto/dims';
import { GraphProtoSchema, ModelProtoSchema, type ModelProto, type NodeProto } from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { inferShapes } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';

/** Products whose equation is another one stay as they are. */
export function einsumsAsProducts(model: ModelProto): ModelProto {
  if (!model.graph?.node.some((node) => standardOp(node) === 'Einsum')) return model;
  const graph = new Graph(model.graph);
  const shapes = inferShapes(graph, opsetOf(model));
  const types = elementTypes(graph);
  const names = Names.of(model.graph);
  const isWeight = (name: string) => graph.isConstant(name) && isFloatType(types.get(name) ?? 0);
  const node = model.graph.node.flatMap((each) => {
    const operands = standardOp(each) === 'Einsum' && operandsOf(each, shapes, isWeight);
    return (operands && asProduct(each, operands, names)) || [each];
  });
  return shallowCopy(ModelProtoSchema, model, {
    graph: shallowCopy(GraphProtoSchema, model.graph, { node }),
  });
}

interface Operands {
  data: string;
  weight: string;
  /** Letters of each. */
  x: string[];
  w: string[];
  out: string[];
  /** By letter, of the weights. */
  sizes: ReadonlyMap<string, number>;
}

/** Null where the equation has another form than two operands with plain letters, one of them weights. */
function operandsOf(node: NodeProto, shapes: Shapes, isWeight: (name: string) => boolean): Operands | null {
  const equation = stringAttribute(node, 'equation', '').replace(/\s/g, '');
  const [left, right = implied(left)] = equation.split('->');
  const terms = left.split(',');
  const weights = node.input.map(isWeight);
  if (terms.length !== 2 || node.input.length !== 2 || weights[0] === weights[1]) return null;
  const at = weights[0] ? 0 : 1;
  const [weight, data] = [node.input[at], node.input[1 - at]];
  const rank = shapes.get(data)?.length;
  const x = lettersOf(terms[1 - at], rank);
  const w = lettersOf(terms[at], undefined);
  const out = lettersOf(right, x && rank === undefined ? undefined : ellipsisRank(right, x, terms[1 - at]));
  const dims = shapes.get(weight);
  if (!x || !w || !out || dims?.length !== w.length) return null;
  if (!dims.every((size): size is number => typeof size === 'number')) return null;
  const sizes = new Map(w.map((letter, axis) => [letter, dims[axis]]));
  // A size of one would be repeated, which MatMul does for rows alone.
  const given = shapes.get(data);
  const agrees = x.every((letter, axis) => {
    const [own, other] = [sizes.get(letter), given?.[axis]];
    return own === undefined || (own !== 1 && (typeof other !== 'number' || other === own));
  });
  return agrees ? { data, weight, x, w, out, sizes } : null;
}

/** Without "->", the letters that occur once, in alphabetical order. */
function implied(left: string): string {
  const letters = [...left.replace(/[^A-Za-z]/g, '')].sort();
  const once = letters.filter((letter) => letters.filter((other) => other === letter).length === 1).join('');
  return left.includes('...') ? `...${once}` : once;
}

/** One letter an axis, "..." as as many as the rank leaves; null where one occurs twice. */
function lettersOf(term: string, rank: number | undefined): string[] | null {
  const [before, after] = term.split('...');
  if (after === undefined) return isPlain(before) ? [...before] : null;
  if (rank === undefined || !isPlain(before + after)) return null;
  const open = rank - before.length - after.length;
  if (open < 0) return null;
  return [...before, ...Array.from({ length: open }, (_, axis) => `...${axis}`), ...after];
}

function isPlain(letters: string): boolean {
  return /^[A-Za-z]*$/.test(letters) && new Set(letters).size === letters.length;
}

/** Axes that an output has whose "..." stands for as many as in the input's term. */
function ellipsisRank(right: string, x: string[] | null, term: string): number | undefined {
  if (!x) return undefined;
  return x.length - term.replace('...', '').length + right.replace('...', '').length;
}

/** Null where something is summed over that only one operand has, or nothing. */
function asProduct(node: NodeProto, operands: Operands, names: Names): NodeProto[] | null {
  const { data, weight, x, w, out, sizes } = operands;
  const shared = out.filter((letter) => x.includes(letter) && w.includes(letter));
  const summed = x.filter((letter) => w.includes(letter) && !out.includes(letter));
  const rows = x.filter((letter) => out.includes(letter) && !w.includes(letter));
  const columns = out.filter((letter) => w.includes(letter) && !x.includes(letter));
  const known = shared.length + summed.length;
  const isProduct =
    summed.length > 0 &&
    columns.length > 0 &&
    known + rows.length === x.length &&
    known + columns.length === w.length &&
    shared.length + rows.length + columns.length === out.length;
  if (!isProduct) return null;

  const steps = new Steps(names, node);
  const sizeOf = (letters: readonly string[]) => letters.map((letter) => sizes.get(letter)!);
  const [sum, column] = [summed[0], columns[0]];
  const isLeft =
    known === 1 &&
    columns.length === 1 &&
    [...x.slice(0, -2), sum, x.at(-1)].join() === x.join() &&
    [...x.slice(0, -2), column, x.at(-1)].join() === out.join();
  if (isLeft) {
    steps.product([steps.transposed(weight, w, [column, sum]), data], node.output[0]);
    return steps.nodes;
  }

  const last = rows.slice(-1);
  const before = [...rows.slice(0, -1), ...shared, ...last];
  let left = steps.transposed(data, x, [...before, ...summed]);
  const needsRow = shared.length > 0 && rows.length === 0;
  if (needsRow || summed.length > 1) {
    left = steps.reshaped(left, [...before.map(() => 0), ...(needsRow ? [1] : []), product(sizeOf(summed))]);
  }
  let right = steps.transposed(weight, w, [...shared, ...summed, ...columns]);
  if (summed.length > 1 || columns.length > 1) {
    right = steps.reshaped(right, [...sizeOf(shared), product(sizeOf(summed)), product(sizeOf(columns))]);
  }
  const order = [...before, ...columns];
  const isWhole = order.join() === out.join();
  const isFlat = needsRow || columns.length > 1;
  let result = steps.product([left, right], isWhole && !isFlat ? node.output[0] : null);
  if (isFlat) {
    const shape = [...before.map(() => 0), ...sizeOf(columns)];
    result = steps.reshaped(result, shape, isWhole ? node.output[0] : null);
  }
  if (!isWhole) steps.transposed(result, order, out, node.output[0]);
  return steps.nodes;
}

class Steps {
  readonly nodes: NodeProto[] = [];

  constructor(
    private readonly names: Names,
    private readonly einsum: NodeProto,
  ) {}

  product(operands: readonly string[], output: string | null): string {
    const options = { ...(this.einsum.name === '' ? {} : { name: this.einsum.name }) };
    const to = output ?? this.named('product');
    this.nodes.push(makeNode('MatMul', operands, [to], {}, options));
    return to;
  }

  /** The tensor itself where its letters lie in that order already. */
  transposed(
    tensor: string,
    letters: readonly string[],
    order: readonly string[],
    output: string | null = null,
  ): string {
    if (order.join() === letters.join()) return tensor;
    const to = output ?? this.named('transposed');
    const perm = order.map((letter) => letters.indexOf(letter));
    this.nodes.push(makeNode('Transpose', [tensor], [to], { perm }));
    return to;
  }

  /** @param shape 0: the size that the tensor has there */
  reshaped(tensor: string, shape: readonly number[], output: string | null = null): string {
    const [sizes, to] = [this.named('shape'), output ?? this.named('reshaped')];
    this.nodes.push(
      makeNode('Constant', [], [sizes], { value: int64s('', shape) }),
      makeNode('Reshape', [tensor, sizes], [to]),
    );
    return to;
  }

  private named(what: string): string {
    return this.names.unique(`${this.einsum.output[0]}_${what}`);
  }
}
