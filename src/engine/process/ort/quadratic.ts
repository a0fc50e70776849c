/** Quadratic forms v H v^T of many rows at once, by ONNX Runtime on all threads: loops take minutes for wide layers. */
import { create } from '@bufbuild/protobuf';
import { serialize } from '../../../onnx/graph/subgraph';
import { int64s, node, valueInfo } from '../../../onnx/proto/build';
import {
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  ModelProtoSchema,
} from '../../../onnx/proto/onnx_pb';
import { Session } from './session';

export class QuadraticForms {
  /** The last H, converted: all widths of a layer ask for the same. */
  private last: { of: Float64Array; as: Float32Array } | null = null;

  private constructor(private readonly session: Session) {}

  static async open(): Promise<QuadraticForms> {
    const model = create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: 17n }],
      graph: create(GraphProtoSchema, {
        name: 'quadratic',
        node: [
          node('MatMul', ['v', 'h'], ['vh']),
          node('Mul', ['vh', 'v'], ['products']),
          node('ReduceSum', ['products', 'axis'], ['sums'], { keepdims: 0 }),
        ],
        initializer: [int64s('axis', [1])],
        input: ['v', 'h'].map((name) => valueInfo(name, DataType.FLOAT, ['', ''])),
        output: [valueInfo('sums', DataType.FLOAT, [''])],
      }),
    });
    const options = { provider: 'cpu' as const, folder: '.', model: 'the quadratic form', sleeps: true };
    return new QuadraticForms(await Session.open(serialize(model), options));
  }

  /**
   * Sum over the rows of v H v^T, to six digits.
   * @param v [rows, columns]
   * @param h [columns, columns]; not to be changed between calls
   */
  async sum(v: Float64Array, h: Float64Array, rows: number, columns: number): Promise<number> {
    if (this.last?.of !== h) this.last = { of: h, as: new Float32Array(h) };
    const { sums } = await this.session.run({
      v: { type: 'float32', data: new Float32Array(v), dims: [rows, columns] },
      h: { type: 'float32', data: this.last.as, dims: [columns, columns] },
    });
    return (sums as Float32Array).reduce((total, value) => total + value, 0);
  }

  close(): Promise<void> {
    this.last = null;
    return this.session.close();
  }
}
