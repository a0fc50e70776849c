/** Sparse tensors written out, where their weights at few bits take less room than their sparse form. */
import { findAttribute, standardOp } from '../proto/attributes';
import { attribute } from '../proto/build';
import { OnnxError } from '../../common/fileErrors';
import { isExternal } from '../proto/external';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { elementBytes, elementCount, readIntegers } from '../proto/tensors';

/** A sparse element takes four bytes and an index of eight; below this share of them, half a byte for each element is more. */
const LEAST_DENSITY = 1 / 24;

/**
 * The model with its sparse initializers and Constants written out; those of few elements stay as they are.
 * @throws OnnxError where the parts of a sparse tensor do not fit together
 */
export function densify(model: ModelProto): ModelProto {
  const { graph } = model;
  if (!graph) return model;
  const dense = new Map<SparseTensorProto, TensorProto>();
  const constants = new Map<NodeProto, TensorProto>();
  for (const sparse of graph.sparseInitializer) {
    const written = writtenOut(sparse);
    if (written) dense.set(sparse, written);
  }
  for (const node of graph.node) {
    const sparse = standardOp(node) === 'Constant' && findAttribute(node, 'sparse_value')?.sparseTensor;
    const written = sparse && writtenOut(sparse);
    if (written) constants.set(node, written);
  }
  if (dense.size + constants.size === 0) return model;
  return shallowCopy(ModelProtoSchema, model, {
    graph: shallowCopy(GraphProtoSchema, graph, {
      initializer: [...graph.initializer, ...dense.values()],
      sparseInitializer: graph.sparseInitializer.filter((each) => !dense.has(each)),
      node: graph.node.map((node) => {
        const value = constants.get(node);
        return value ? shallowCopy(NodeProtoSchema, node, { attribute: [attribute('value', value)] }) : node;
      }),
    }),
  });
}

/** Null where the tensor is better left alone. */
function writtenOut({ values, indices, dims }: SparseTensorProto): TensorProto | null {
  if (!values || !indices || isExternal(values) || isExternal(indices)) return null;
  const whole = shallowCopy(TensorProtoSchema, values, { dims });
  const [count, stored] = [elementCount(whole), elementCount(values)];
  if (stored < count * LEAST_DENSITY || values.rawData.length === 0) return null;
  const size = elementBytes(values);
  const at = positions(indices, dims.map(Number), stored);
  if (!at || values.rawData.length !== stored * size || at.some((each) => !(each >= 0 && each < count))) {
    throw new OnnxError(
      `The sparse tensor "${values.name}" has indices that do not fit its shape or values.`,
    );
  }
  const rawData = new Uint8Array(count * size);
  at.forEach((each, i) => rawData.set(values.rawData.subarray(i * size, (i + 1) * size), each * size));
  return shallowCopy(TensorProtoSchema, whole, { rawData });
}

/** Row-major position of each value: the indices are such positions, or coordinates. */
function positions(indices: TensorProto, dims: readonly number[], stored: number): number[] | null {
  const numbers = readIntegers(indices);
  if (numbers.length === stored && indices.dims.length === 1) return numbers;
  if (numbers.length !== stored * dims.length) return null;
  return Array.from({ length: stored }, (_, i) =>
    dims.reduce((sum, size, axis) => sum * size + numbers[i * dims.length + axis], 0),
  );
}
