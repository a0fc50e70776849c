/** What a quantized file says of itself, in its metadata: the config that it was made with, and the bits of each function. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type ModelProto,
  ModelProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';

const note =
  'Weights are unpacked from bit planes when the model is loaded. Tools that fold constants (onnxsim) undo the saving.';

export interface QuantizedRecord {
  /** SHA-256 of the configuration, hex. */
  config: string;
  /** Of each function of the original, in network order. */
  bits: number[];
}

/** null: no file of ours. */
export function recordOf({ metadataProps }: Pick<ModelProto, 'metadataProps'>): QuantizedRecord | null {
  const find = (wanted: string) => metadataProps.find(({ key }) => key === wanted)?.value;
  const [config, text] = [find('ompq.config'), find('ompq.bits')];
  if (config === undefined || text === undefined) return null;
  const bits = text.split(',').map(Number);
  return bits.every((each) => Number.isInteger(each) && each >= 2 && each <= 32) ? { config, bits } : null;
}

/**
 * Bytes that the record adds to the file, but for the bits of each function; see recordBytesPerFunction.
 * @param activations ActivationPlan.record
 */
export function recordBytes(activations?: string): number {
  const entries = recorded([], { config: '0'.repeat(64), bits: [] }, activations);
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { metadataProps: entries })).length;
}

/** The model without the record of an earlier pass, which a new one takes the place of. */
export function unrecorded(model: ModelProto): ModelProto {
  const metadataProps = model.metadataProps.filter(({ key }) => !RECORD.has(key));
  return shallowCopy(ModelProtoSchema, model, { metadataProps });
}

const RECORD = new Set(['ompq.config', 'ompq.bits', 'ompq.note']);

/** Bytes of one function's bits and the separator in the record. */
export function recordBytesPerFunction(bits: number): number {
  return `${bits},`.length;
}

export function recorded(
  existing: StringStringEntryProto[],
  record: QuantizedRecord,
  activations: string | undefined,
): StringStringEntryProto[] {
  const entries: Record<string, string> = {
    'ompq.config': record.config,
    'ompq.bits': record.bits.join(','),
    ...(activations === undefined ? {} : { 'ompq.activations': activations }),
    'ompq.note': note,
  };
  return [
    ...existing.filter(({ key }) => !(key in entries)),
    ...Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  ];
}
