/** Copies of a model that return what scoring needs of the functions' outputs instead of the model's own outputs. */
import { Names } from '../../../onnx/graph/names';
import { subgraph, withGraph } from '../../../onnx/graph/subgraph';
import { int64s, node, valueInfo } from '../../../onnx/proto/build';
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from '../../../onnx/proto/onnx_pb';

/** What is wanted of one function's output F, seen as N x p: one row per sample. */
export interface HeadRequest {
  /** Index of the function; names the outputs. */
  index: number;
  tensor: string;
  /** Axis of the tensor that samples run along, and its rank where that axis is not 0. */
  batchAxis: number;
  rank: number;
  /**
   * gram: F F^T. exact: (F - f0)(F - f0)^T with f0 the first row, which keeps the digits of the centred Gram matrix
   * where the mean dominates. rows: F itself. shape: of the tensor as the model has it.
   */
  wants: readonly HeadKind[];
}

export type HeadKind = 'gram' | 'exact' | 'rows' | 'shape';

/** Name of the output that carries a head's result. */
export const outputName = (kind: HeadKind, index: number): string => `ompq_${kind}_${index}`;

/** int64 [2] input that a graph with heads takes beside the model's own: [N, -1]. */
export const ROWS_INPUT = 'ompq_rows';

/**
 * A copy of `model` with the heads as its only outputs and without the nodes that no head needs. The weights are
 * shared with `model`.
 */
export function withHeads(model: ModelProto, requests: readonly HeadRequest[]): ModelProto {
  const writer = new HeadWriter(Names.of(model.graph!));
  for (const request of requests) writer.write(request);
  return subgraph(
    model,
    requests.map(({ tensor }) => tensor),
    {
      heads: writer.nodes,
      inputs: [valueInfo(ROWS_INPUT, DataType.INT64, [2])],
      outputs: writer.outputs,
    },
  );
}

/** The Gram matrices of one [N, p] input "rows": for rows that were collected outside a model. */
export function gramModel(like: ModelProto, exact: boolean): ModelProto {
  const writer = new HeadWriter(new Names(['rows']));
  writer.write({
    index: 0,
    tensor: 'rows',
    batchAxis: 0,
    rank: 2,
    wants: exact ? ['gram', 'exact'] : ['gram'],
  });
  return withGraph(like, {
    node: writer.nodes,
    initializer: [],
    input: [valueInfo('rows', DataType.FLOAT, ['n', 'p']), valueInfo(ROWS_INPUT, DataType.INT64, [2])],
    output: writer.outputs,
    valueInfo: [],
  });
}

class HeadWriter {
  readonly nodes: NodeProto[] = [];
  readonly outputs: ValueInfoProto[] = [];
  private readonly names: Names;
  private first: string | undefined;

  constructor(names: Names) {
    this.names = names;
  }

  write({ index, tensor, batchAxis, rank, wants }: HeadRequest): void {
    if (wants.includes('shape')) {
      this.add('Shape', [tensor], outputName('shape', index));
      this.outputs.push(valueInfo(outputName('shape', index), DataType.INT64, null));
    }
    if (!wants.some((kind) => kind !== 'shape')) return;
    let x = this.add('Cast', [tensor], undefined, { to: DataType.FLOAT });
    if (batchAxis > 0) {
      const perm = Array.from({ length: rank }, (_, axis) => axis);
      perm.splice(batchAxis, 1);
      x = this.add('Transpose', [x], undefined, { perm: [batchAxis, ...perm] });
    }
    x = this.add('Reshape', [x, ROWS_INPUT], wants.includes('rows') ? outputName('rows', index) : undefined);
    if (wants.includes('rows')) this.output('rows', index);
    if (wants.includes('gram')) this.gram(x, 'gram', index);
    if (wants.includes('exact')) {
      const reference = this.add('Gather', [x, this.firstRow()], undefined, { axis: 0 });
      this.gram(this.add('Sub', [x, reference]), 'exact', index);
    }
  }

  /** Transpose + MatMul: ONNX Runtime fuses the two, and is three times faster than with Gemm(transB). */
  private gram(x: string, kind: HeadKind, index: number): void {
    const transposed = this.add('Transpose', [x], undefined, { perm: [1, 0] });
    this.add('MatMul', [x, transposed], outputName(kind, index));
    this.output(kind, index);
  }

  private output(kind: HeadKind, index: number): void {
    this.outputs.push(valueInfo(outputName(kind, index), DataType.FLOAT, null));
  }

  private firstRow(): string {
    if (this.first === undefined) {
      const name = this.names.unique('ompq_first');
      // A Constant node: in files of IR version 3 initializers would have to be inputs.
      this.nodes.push(node('Constant', [], [name], { value: int64s(name, [0]) }));
      this.first = name;
    }
    return this.first;
  }

  private add(
    op: string,
    inputs: string[],
    output = this.names.unique('ompq'),
    attributes: Parameters<typeof node>[3] = {},
  ): string {
    this.nodes.push(node(op, inputs, [output], attributes, { name: this.names.unique(`ompq_${op}`) }));
    return output;
  }
}
