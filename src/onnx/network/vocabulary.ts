/** How many rows the tables have that a model's inputs look up: made-up ids must stay below. */
import { bodiesOf, intAttribute, standardOp } from '../proto/attributes';
import { constantValue, type Graph } from '../graph/graph';
import type { GraphProto, NodeProto, TensorProto } from '../proto/onnx_pb';
import { smallValues } from '../proto/tensors';

/** Operators whose output holds values of their first input, moved about. */
const MOVES = new Set([
  'Cast',
  'CastLike',
  'Identity',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Transpose',
  'Slice',
  'Split',
  'Expand',
  'Tile',
  'Gather',
  'GatherElements',
  'GatherND',
  'Compress',
  'Clip',
  'Abs',
]);
/** Operators whose output holds values of several inputs. */
const MIXES: Record<string, (index: number) => boolean> = {
  Concat: () => true,
  Where: (index) => index > 0,
  Max: () => true,
};
/** Fused embeddings of ONNX Runtime: input of ids -> input with the table. */
const FUSED_EMBEDDING = new Map([
  [0, 2],
  [1, 4],
  [7, 3],
]);

/** An input's values, with a number added on the way. */
interface Ids {
  input: string;
  added: number;
}

/**
 * Per input the rows of the smallest table that its values index, on the way through Casts, Reshapes and additions of
 * constants, into the bodies of If, Loop and Scan, too. Inputs that index nothing are not there.
 */
export function vocabularies({ proto: graph, order }: Graph): Map<string, number> {
  const rows = new Map<string, number>();
  const ids = new Map<string, Ids[]>(graph.input.map(({ name }) => [name, [{ input: name, added: 0 }]]));
  visit(graph, order, { ids, rows, tables: new Map() });
  return rows;
}

interface State {
  /** Per tensor, the inputs whose values it holds. */
  ids: Map<string, Ids[]>;
  rows: Map<string, number>;
  /** Stored tensors, and what only casts or dequantizes them. */
  tables: Map<string, TensorProto>;
}

function visit(graph: GraphProto, order: readonly NodeProto[], state: State): void {
  for (const each of graph.initializer) state.tables.set(each.name, each);
  for (const node of order) {
    const constant = standardOp(node) === 'Constant' ? constantValue(node) : undefined;
    if (constant) state.tables.set(node.output[0], constant);
    passOn(node, state);
    lookUp(node, state);
    for (const body of bodiesOf(node)) {
      bindBody(node, body, state);
      visit(body, body.node, state);
    }
  }
}

function passOn(node: NodeProto, { ids, tables }: State): void {
  const op = standardOp(node);
  const [first] = node.input;
  const table = tables.get(first);
  if (table && ['Cast', 'Identity', 'DequantizeLinear'].includes(op)) tables.set(node.output[0], table);
  const sources = node.input.filter((_, i) => (MOVES.has(op) ? i === 0 : (MIXES[op]?.(i) ?? false)));
  const held = sources.flatMap((name) => ids.get(name) ?? []);
  if (op === 'Add' || op === 'Sub') held.push(...shifted(node, op === 'Sub', ids, tables));
  if (held.length > 0) for (const name of node.output) ids.set(name, held);
}

/** The other operand is a constant: its largest value counts. */
function shifted(node: NodeProto, minus: boolean, ids: State['ids'], tables: State['tables']): Ids[] {
  return node.input.flatMap((name, i) => {
    const constant = tables.get(node.input[1 - i]);
    const held = ids.get(name);
    if (!held || !constant || (minus && i === 1)) return [];
    const values = smallValues(constant) ?? [];
    if (values.length === 0) return [];
    const added = minus ? -Math.min(...values) : Math.max(...values);
    return held.map((each) => ({ input: each.input, added: each.added + added }));
  });
}

function lookUp(node: NodeProto, { ids, rows, tables }: State): void {
  const note = (indices: string | undefined, size: number | undefined): void => {
    if (size === undefined || !(size > 0)) return;
    for (const { input, added } of ids.get(indices ?? '') ?? []) {
      const left = Math.max(1, size - Math.max(0, added));
      rows.set(input, Math.min(rows.get(input) ?? Infinity, left));
    }
  };
  const sizeAt = (name: string, axis: number): number | undefined => {
    const dims = tables.get(name)?.dims;
    return dims && Number(dims[axis < 0 ? axis + dims.length : axis]);
  };
  if (standardOp(node) === 'Gather')
    note(node.input[1], sizeAt(node.input[0], intAttribute(node, 'axis', 0)));
  if (node.opType === 'GatherBlockQuantized') {
    note(node.input[1], sizeAt(node.input[0], intAttribute(node, 'gather_axis', 0)));
  }
  if (node.opType === 'EmbedLayerNormalization') {
    for (const [indices, table] of FUSED_EMBEDDING)
      note(node.input[indices], sizeAt(node.input[table] ?? '', 0));
  }
}

/** What a Loop or a Scan hands to its body under other names. */
function bindBody(node: NodeProto, body: GraphProto, { ids }: State): void {
  const op = standardOp(node);
  if (op !== 'Loop' && op !== 'Scan') return;
  node.input.forEach((name, i) => {
    const held = ids.get(name);
    // A Loop's first two inputs, how often and whether, are the body's first two, too.
    if (held && body.input[i]) ids.set(body.input[i].name, held);
  });
}
