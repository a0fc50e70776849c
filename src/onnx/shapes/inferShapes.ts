/**
 * Shapes of the tensors of a graph, as far as they follow from the inputs: enough to count multiply-accumulates and to
 * tell the user what a layer puts out. Sizes may stay open; a tensor that we cannot follow has no entry.
 */
import type { Graph } from '../graph/graph';
import { standardOp } from '../proto/attributes';
import type { Dimension } from '../proto/dims';
import { elements, type Shape } from '../proto/dims';
import { TensorProto_DataType as DataType, type NodeProto, type ValueInfoProto } from '../proto/onnx_pb';
import { dimsOf, smallValues } from '../proto/tensors';
import type { Found, Known, Shapes } from './rule';
import { type Rule } from './rule';
import { rules } from './rules';

/** Longest float tensor that can be a list of scales. */
const MAX_SCALES = 8;

/** No runtime takes more axes; nor should a made-up file make us copy millions of them. */
const MAX_RANK = 64;

/** Longest list of values that is followed: a chain of Concat nodes could double it for ever. */
const MAX_VALUES = 1024;

/** The declared shape; null where even the rank is open. */
export function declaredShape(info: ValueInfoProto): Dimension[] | null {
  const type = info.type?.value;
  if (type?.case !== 'tensorType' || !type.value.shape) return null;
  return type.value.shape.dim.map(({ value }) => {
    if (value.case === 'dimValue') {
      const size = Number(value.value);
      return size >= 0 && Number.isSafeInteger(size) ? size : '';
    }
    return value.case === 'dimParam' ? value.value : '';
  });
}

/** @param inputs shapes that replace the declared ones, by input name */
export function inferShapes(
  graph: Graph,
  opset: number,
  inputs: Readonly<Record<string, Shape>> = {},
): Shapes {
  const shapes = new Map<string, Shape>();
  const values = new Map<string, Dimension[]>();
  const floats = new Map<string, number[]>();
  // The file's own value_info speaks of the declared input shapes; it fills gaps only while those hold.
  const declared = new Map<string, Shape>();
  if (Object.keys(inputs).length === 0) {
    for (const info of [...graph.proto.valueInfo, ...graph.proto.output]) {
      const shape = declaredShape(info);
      if (isSane(shape)) declared.set(info.name, shape);
    }
  }
  for (const info of graph.proto.input) {
    const shape = Object.hasOwn(inputs, info.name) ? inputs[info.name] : declaredShape(info);
    if (isSane(shape)) shapes.set(info.name, shape);
  }
  const store = (name: string) => {
    const tensor = graph.stored(name);
    if (!tensor) return;
    const dims = dimsOf(tensor);
    if (!isSane(dims)) return;
    shapes.set(name, dims);
    const type = tensor.dataType as DataType;
    const numbers = tensor.dims.length <= 1 ? smallValues(tensor) : null;
    if (!numbers) return;
    if (type === DataType.INT64 || type === DataType.INT32) values.set(name, numbers);
    else if (type === DataType.FLOAT && numbers.length <= MAX_SCALES) floats.set(name, numbers);
  };
  for (const { name } of graph.proto.initializer) store(name);

  for (const node of graph.order) {
    if (standardOp(node) === 'Constant') {
      store(node.output[0] ?? '');
      continue;
    }
    const known: Known = {
      opset,
      shape: (index) => shapes.get(node.input[index] ?? '') ?? null,
      values: (index) => values.get(node.input[index] ?? '') ?? null,
      floats: (index) => floats.get(node.input[index] ?? '') ?? null,
    };
    const found = applyRule(node, known);
    node.output.forEach((name, index) => {
      if (name === '') return;
      const shape = merge(found[index]?.shape ?? null, declared.get(name) ?? null);
      if (shape) shapes.set(name, shape);
      const list = found[index]?.values;
      if (list) values.set(name, list);
    });
  }
  return { get: (name) => (shapes.has(name) ? [...(shapes.get(name) as Shape)] : null) };
}

function applyRule(node: NodeProto, known: Known): Found[] {
  const rule: Rule | undefined = rules[standardOp(node)];
  if (!rule) return [];
  return rule(node, known).map((found) => {
    const values = found.values && found.values.length <= MAX_VALUES ? found.values : undefined;
    return { shape: isSane(found.shape) ? found.shape : null, values };
  });
}

function isSane(shape: Shape | null): shape is Shape {
  if (!shape || shape.length > MAX_RANK) return false;
  return shape.every((dim) => typeof dim === 'string' || (Number.isSafeInteger(dim) && dim >= 0));
}

/** What we found; the file's word where we found nothing, or only a name. */
function merge(found: Shape | null, declared: Shape | null): Shape | null {
  if (!found || !declared || found.length !== declared.length) return found ?? declared;
  return found.map((dim, axis) =>
    dim === '' || (typeof dim === 'string' && typeof declared[axis] === 'number') ? declared[axis] : dim,
  );
}

/** Elements of the tensor; null where a size is open. */
export function elementsOf(shapes: Shapes, tensor: string): number | null {
  const shape = shapes.get(tensor);
  return shape && elements(shape);
}
