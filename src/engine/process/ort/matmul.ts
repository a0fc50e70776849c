/** Matrix products for rounding: large ones by ONNX Runtime on all threads, small ones in place. */
import { type MatMul, plainMatMul } from '../../../core/rounding/matmul';
import { smallModel } from '../../../onnx/graph/smallModel';
import { serialize } from '../../../onnx/graph/subgraph';
import { node, valueInfo } from '../../../onnx/proto/build';
import { TensorProto_DataType as DataType } from '../../../onnx/proto/onnx_pb';
import { Session } from './session';

/** Multiplications below which a call into ONNX Runtime costs more than the product. */
const SMALL = 200_000;

export interface FastMatMul {
  /** In float64. */
  matmul: MatMul;
  /** In float32, four times as fast (measured). */
  roughMatmul: MatMul;
  close(): Promise<void>;
}

export async function openMatMul(): Promise<FastMatMul> {
  const exact = await openProduct(DataType.DOUBLE);
  const rough = await openProduct(DataType.FLOAT);
  return {
    matmul: async (a, b, m, k, n) => {
      if (m * k * n < SMALL) return plainMatMul(a, b, m, k, n);
      const outputs = await exact.runTensors({
        a: { type: 'float64', data: a, dims: [m, k] },
        b: { type: 'float64', data: b, dims: [k, n] },
      });
      return outputs.c.data as Float64Array;
    },
    roughMatmul: async (a, b, m, k, n) => {
      if (m * k * n < SMALL) return plainMatMul(a, b, m, k, n);
      const outputs = await rough.runTensors({
        a: { type: 'float32', data: new Float32Array(a), dims: [m, k] },
        b: { type: 'float32', data: new Float32Array(b), dims: [k, n] },
      });
      return new Float64Array(outputs.c.data as Float32Array);
    },
    close: async () => {
      await exact.close();
      await rough.close();
    },
  };
}

/** A session of c = a b. */
function openProduct(type: DataType): Promise<Session> {
  const model = smallModel('matmul', {
    node: [node('MatMul', ['a', 'b'], ['c'])],
    input: ['a', 'b'].map((name) => valueInfo(name, type, ['', ''])),
    output: [valueInfo('c', type, ['', ''])],
  });
  return Session.open(serialize(model), {
    provider: 'cpu',
    folder: '.',
    model: 'the matrix product',
    sleeps: true,
  });
}
