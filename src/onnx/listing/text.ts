/** Names, types, values and attributes as ONNX's textual syntax writes them. */
import {
  AttributeProto_AttributeType as Kind,
  type AttributeProto,
  type TensorProto,
  type TypeProto,
} from '../proto/onnx_pb';
import { dimsOf, smallValues, typeName } from '../proto/tensors';

/** Longer lists are cut: the listing is for reading. */
const SHOWN_VALUES = 8;

/** Quoted unless it is an identifier of the syntax. */
export function identifier(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_.]*$/.test(name) ? name : quoted(name);
}

/** JSON's escapes keep control characters and line ends in a hostile name from breaking the listing. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export function typeText(type: TypeProto | undefined): string {
  if (type?.value.case !== 'tensorType') return 'unknown';
  const { elemType, shape } = type.value.value;
  if (!shape) return typeName(elemType);
  const dims = shape.dim.map(({ value }) => {
    if (value.case === 'dimValue') return value.value.toString();
    return value.case === 'dimParam' && value.value !== '' ? identifier(value.value) : '?';
  });
  return `${typeName(elemType)}${dimsText(dims)}`;
}

export function dimsText(dims: readonly (number | string)[]): string {
  return dims.length === 0 ? '' : `[${dims.join(', ')}]`;
}

export function valuesText(tensor: TensorProto): string {
  const values = smallValues(tensor, SHOWN_VALUES);
  return values ? `{${values.map((value) => Number(value.toPrecision(8))).join(', ')}}` : '{...}';
}

export function attributeText(attribute: AttributeProto): string {
  return `${identifier(attribute.name)} = ${attributeValue(attribute)}`;
}

function attributeValue(a: AttributeProto): string {
  if (a.refAttrName !== '') return `@${a.refAttrName}`;
  switch (a.type) {
    case Kind.FLOAT:
      return floatText(a.f);
    case Kind.INT:
      return a.i.toString();
    case Kind.STRING:
      return quoted(bytesText(a.s));
    case Kind.FLOATS:
      return cut(a.floats.map(floatText));
    case Kind.INTS:
      return cut(a.ints.map(String));
    case Kind.STRINGS:
      return cut(a.strings.map((s) => quoted(bytesText(s))));
    case Kind.TENSOR:
      return a.t ? `${typeName(a.t.dataType)}${dimsText(dimsOf(a.t))} ${valuesText(a.t)}` : '{...}';
    default:
      return '{...}';
  }
}

function cut(items: string[]): string {
  const shown = items.slice(0, SHOWN_VALUES).join(', ');
  return items.length > SHOWN_VALUES ? `[${shown}, ...]` : `[${shown}]`;
}

/** float32 values with as many digits as tell them apart. */
function floatText(value: number): string {
  const short = Number(value.toPrecision(8));
  return Number.isInteger(short) ? short.toFixed(1) : String(short);
}

const utf8 = new TextDecoder();

function bytesText(bytes: Uint8Array): string {
  return bytes.length > 200 ? `${utf8.decode(bytes.subarray(0, 200))}...` : utf8.decode(bytes);
}
