/** A case of ONNX's suite in ONNX Runtime: its inputs, its outputs as bytes. */
import { fromBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { type TensorType, typeOfElem } from '../../src/calibration/inputs/tensorTypes';
import { tensorData } from '../../src/calibration/testSets/tensorProto';
import { type ModelProto, type TensorProto, TensorProtoSchema } from '../../src/onnx/proto/onnx_pb';
import type { SuiteCase } from './wheel';

export type Values = Record<string, ort.Tensor>;

/**
 * The case's inputs as tensors; null where an input or output is none (a sequence, an optional, a string) or of a type
 * without numbers in JavaScript: ONNX Runtime's binding dies of some of these.
 */
export function tensorsOf({ inputs }: SuiteCase, model: ModelProto): TensorProto[] | null {
  const fed = model.graph!.input;
  const isPlain = ({ type }: (typeof fed)[number]) =>
    type?.value.case === 'tensorType' && typeOfElem(type.value.value.elemType) !== null;
  if (!model.graph!.output.every(isPlain)) return null;
  const tensors: TensorProto[] = [];
  for (const [index, bytes] of inputs.entries()) {
    const type = fed[index]?.type?.value;
    if (type?.case !== 'tensorType') return null;
    const tensor = fromBinary(TensorProtoSchema, bytes);
    if (typeOf(tensor) === null) return null;
    tensors.push(tensor);
  }
  return tensors;
}

const typeOf = ({ dataType }: TensorProto): TensorType | null => typeOfElem(dataType);

/** Feeds by the names of the model's inputs. */
export function feedsOf(model: ModelProto, tensors: readonly TensorProto[]): Values {
  return Object.fromEntries(
    tensors.map((tensor, index) => {
      const type = typeOf(tensor)!;
      const data = tensorData(tensor, type, 'input') as Float32Array;
      return [
        model.graph!.input[index].name,
        new ort.Tensor(type as 'float32', data, tensor.dims.map(Number)),
      ];
    }),
  );
}

/** Null where ONNX Runtime does not know the model, its types, or refuses its inputs. */
export async function run(bytes: Uint8Array, feeds: Values): Promise<Map<string, Buffer> | null> {
  let session: ort.InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
    const given = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]]));
    const results = await session.run(given);
    return new Map(
      session.outputNames.map((name) => {
        const { data, dims, type } = results[name];
        if (Array.isArray(data)) return [name, Buffer.from(JSON.stringify([type, dims, data]))];
        const { buffer, byteOffset, byteLength } = data as Float32Array;
        return [
          name,
          Buffer.concat([
            Buffer.from(`${type} ${dims.join()} `),
            Buffer.from(buffer, byteOffset, byteLength),
          ]),
        ];
      }),
    );
  } catch {
    return null;
  } finally {
    await session?.release();
  }
}

export function areEqual(a: Map<string, Buffer>, b: Map<string, Buffer> | null): boolean {
  return b?.size === a.size && [...a].every(([name, bytes]) => b.get(name)?.equals(bytes));
}

/** The floats of an output. */
export function floatsOf(bytes: Buffer): Float32Array | null {
  const head = /^float32 [\d,]* /.exec(bytes.toString('latin1', 0, 100));
  return head && new Float32Array(Uint8Array.from(bytes.subarray(head[0].length)).buffer);
}
