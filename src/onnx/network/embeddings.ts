/** Embedding tables: weights whose rows are picked, by number or by one-hot vectors, instead of multiplied. */
import { captured, type Graph } from '../graph/graph';
import { bodiesOf, intAttribute, standardOp } from '../proto/attributes';
import { dimsOf } from '../proto/tensors';
import { elementsOf } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';
import type { PlacedLayer } from './layers';
import { scaleCount } from './scaleAxes';
import { isFloatType, traceWeights } from './stored';

/** Smaller constants are not worth their scales and nodes: sines, anchors, a few learned tokens. */
const LEAST_ELEMENTS = 512;
/** In shorter rows the scale outweighs what the codes save. */
const SHORTEST_ROW = 8;

/**
 * A Gather or GatherElements of a constant as a layer; null where it picks from what is no table: integers, few numbers,
 * one row of stacked weights.
 */
export function describeTable(
  graph: Graph,
  shapes: Shapes,
  index: number,
): PlacedLayer | { reason: string } | null {
  const node = graph.order[index];
  const op = standardOp(node);
  const [table = '', numbers = ''] = node.input;
  if ((op !== 'Gather' && op !== 'GatherElements') || !graph.isConstant(table)) return null;
  const found = traceWeights(graph, shapes, table);
  if ('reason' in found) return isHeavyFloat(graph, table) ? found : null;
  const params = found.shape.reduce((product, size) => product * size, 1);
  const rank = found.shape.length;
  if (params < LEAST_ELEMENTS) return null;
  if (graph.isConstant(numbers) && (elementsOf(shapes, numbers) ?? 2) < 2) return null;
  const given = intAttribute(node, 'axis', 0);
  const picked = found.storedAxis(given < 0 ? given + rank : given);
  if (picked === null) return { reason: 'its rows are reshaped' };
  // Where rows are more than vectors, each vector in them has a scale of its own.
  const inRows = rank > 2 && picked < rank - 1;
  const axis = inRows ? rank - 2 : picked;
  const weightShape = dimsOf(found.tensor);
  const apart = inRows ? Array.from({ length: axis }, (_, i) => i) : undefined;
  if (params / scaleCount({ shape: weightShape, axis, apart }) < SHORTEST_ROW) return null;
  return {
    index,
    layer: {
      node: graph.nodeNames[index],
      op,
      weight: found.name,
      weightShape,
      weightType: found.tensor.dataType,
      channelAxis: axis,
      ...(apart ? { apart } : {}),
      groups: 1,
      input: numbers,
      output: node.output[0] ?? '',
      picks: { axis: picked, by: 'numbers' },
      params,
      macs: 0,
    },
  };
}

function isHeavyFloat(graph: Graph, name: string): boolean {
  const tensor = graph.stored(name);
  if (!tensor || !isFloatType(tensor.dataType)) return false;
  const dims = dimsOf(tensor);
  return dims.length > 1 && dims.reduce((product, size) => product * size, 1) >= LEAST_ELEMENTS;
}

/** Tensors that change with the values of the inputs, not only with their sizes. */
export function dataTensors(graph: Graph): Set<string> {
  const data = new Set(graph.proto.input.map(({ name }) => name).filter((name) => !graph.isConstant(name)));
  graph.order.forEach((node) => {
    if (SIZES.has(standardOp(node))) return;
    const reads = [...node.input, ...bodiesOf(node).flatMap((body) => [...captured(body)])];
    if (reads.some((name) => data.has(name))) for (const name of node.output) if (name !== '') data.add(name);
  });
  return data;
}

/**
 * The tensor in which rows that were picked whatever the data meet them: position embeddings know of no sample, and can be
 * scored only where they have been added to what does. Null where they are no embeddings but, say, a product's weights.
 */
export function whereDataAreMet(graph: Graph, data: ReadonlySet<string>, output: string): string | null {
  for (let current = output; ;) {
    const next = graph.consumers(current).find((index) => !SIZES.has(standardOp(graph.order[index])));
    const node = next === undefined ? undefined : graph.order[next];
    const after = node?.output[0] ?? '';
    if (!node || after === '') return null;
    if (data.has(after)) return MEETS.has(standardOp(node)) ? after : null;
    current = after;
  }
}

const SIZES = new Set(['Shape', 'Size']);
const MEETS = new Set(['Add', 'Sum', 'Sub', 'Concat']);
