/** Matrix products in float64 for rounding: large ones by ONNX Runtime on all threads, small ones in place. */
import { create } from '@bufbuild/protobuf';
import { type MatMul, plainMatMul } from '../../../core/rounding/matmul';
import { serialize } from '../../../onnx/graph/subgraph';
import { node, valueInfo } from '../../../onnx/proto/build';
import {
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  ModelProtoSchema,
} from '../../../onnx/proto/onnx_pb';
import { Session } from './session';

/** Multiplications below which a call into ONNX Runtime costs more than the product. */
const SMALL = 200_000;

export interface FastMatMul {
  matmul: MatMul;
  close(): Promise<void>;
}

export async function openMatMul(): Promise<FastMatMul> {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(GraphProtoSchema, {
      name: 'matmul',
      node: [node('MatMul', ['a', 'b'], ['c'])],
      input: ['a', 'b'].map((name) => valueInfo(name, DataType.DOUBLE, ['', ''])),
      output: [valueInfo('c', DataType.DOUBLE, ['', ''])],
    }),
  });
  const session = await Session.open(serialize(model), {
    provider: 'cpu',
    folder: '.',
    model: 'the matrix product',
    sleeps: true,
  });
  return {
    matmul: async (a, b, m, k, n) => {
      if (m * k * n < SMALL) return plainMatMul(a, b, m, k, n);
      const outputs = await session.runTensors({
        a: { type: 'float64', data: a, dims: [m, k] },
        b: { type: 'float64', data: b, dims: [k, n] },
      });
      return outputs.c.data as Float64Array;
    },
    close: () => session.close(),
  };
}
