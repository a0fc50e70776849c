/** Encodings of AIMET: bits, scales and offsets per weight tensor. Version 1.0.0, and the older 0.6.1. */
import type { Network } from '../../onnx/network/network';
import { FormatError } from '../errors';
import { type Format, type FormatContext, type ReadBits } from '../format';
import { isObject } from '../../common/isObject';
import { type JsonObject, parseObject, widthOf } from '../json';
import { functionBits, tensorBits } from '../layers';

const HALF = 16;

/** A weight tensor at 2 to 8 bits, or as float16. */
interface Encoding {
  tensor: string;
  bits: number;
  /** One per output channel; null: float16. */
  scales: Float32Array | null;
}

export const aimet: Format = {
  id: 'aimet',
  title: 'AIMET encodings 1.0.0',
  use: 'simulation and deployment with AIMET (load_encodings_to_sim) and Qualcomm tools',
  suffix: '.encodings.json',
  needs: 'scales',

  write(context) {
    const params = encode(context).map(({ tensor, bits, scales }) =>
      scales
        ? {
            name: tensor,
            dtype: 'INT',
            enc_type: 'PER_CHANNEL',
            bw: bits,
            is_sym: true,
            scale: [...scales],
            offset: Array.from(scales, () => offset(bits)),
          }
        : { name: tensor, dtype: 'FLOAT', enc_type: 'PER_TENSOR', bw: HALF },
    );
    return {
      content: document({ version: '1.0.0', activation_encodings: [], param_encodings: params }),
      warnings: [],
    };
  },

  read: (text, { network }) => readEncodings(text, network),
};

export const aimetOld: Format = {
  id: 'aimet-0.6.1',
  title: 'AIMET encodings 0.6.1',
  use: 'AIMET before 2.0, and tools that read its encodings',
  suffix: '.encodings-0.6.1.json',
  needs: 'scales',

  write(context) {
    const params = encode(context).map(({ tensor, bits, scales }): [string, object[]] => [
      tensor,
      scales
        ? Array.from(scales, (scale) => ({
            bitwidth: bits,
            dtype: 'int',
            is_symmetric: 'True',
            min: scale * offset(bits),
            max: scale * (2 ** (bits - 1) - 1),
            scale,
            offset: offset(bits),
          }))
        : [{ bitwidth: HALF, dtype: 'float' }],
    ]);
    return {
      content: document({
        version: '0.6.1',
        activation_encodings: {},
        param_encodings: Object.fromEntries(params),
      }),
      warnings: [],
    };
  },

  read: (text, { network }) => readEncodings(text, network),
};

/** Of the smallest code: AIMET counts codes from 0. */
function offset(bits: number): number {
  return -(2 ** (bits - 1));
}

/** Tensors that stay float have no entry. */
function encode(context: FormatContext): Encoding[] {
  return tensorBits(context).flatMap(({ layer: { weight: tensor }, bits }): Encoding[] => {
    if (bits === 32) return [];
    if (bits === HALF) return [{ tensor, bits, scales: null }];
    const scales = context.scales?.get(tensor);
    if (!scales) throw new FormatError(`The weights "${tensor}" have no scales.`);
    return [{ tensor, bits, scales }];
  });
}

/** One tensor a line: a thousand channels are no easier to read one a line. */
function document({ param_encodings: params, ...rest }: JsonObject & { param_encodings: object }): string {
  const lines = Array.isArray(params)
    ? params.map((entry) => `    ${JSON.stringify(entry)}`)
    : Object.entries(params).map(([name, entry]) => `    ${JSON.stringify(name)}: ${JSON.stringify(entry)}`);
  const [open, close] = Array.isArray(params) ? '[]' : '{}';
  const head = Object.entries(rest).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`,
  );
  const body = lines.length > 0 ? `\n${lines.join(',\n')}\n  ` : '';
  return `{\n${head.join('')}  "param_encodings": ${open}${body}${close}\n}\n`;
}

/** Either version; activation encodings are passed over. */
function readEncodings(text: string, network: Network): ReadBits {
  const { param_encodings: params } = parseObject(text);
  const entries: [string, unknown][] = Array.isArray(params)
    ? params.map((entry: unknown) => [isObject(entry) ? String(entry.name) : '', entry])
    : isObject(params)
      ? Object.entries(params).map(([name, channels]) => [
          name,
          Array.isArray(channels) ? channels[0] : channels,
        ])
      : [];
  if (entries.length === 0) throw new FormatError('holds no "param_encodings" of AIMET.');
  const found = new Map<string, number>();
  for (const [name, entry] of entries) {
    const { bw, bitwidth, dtype } = isObject(entry) ? entry : {};
    const width = widthOf(bw ?? bitwidth, name);
    found.set(name, String(dtype).toLowerCase() === 'float' && width > HALF ? 32 : width);
  }
  return functionBits(found, (name) =>
    network.functions.filter((f) => f.layers.some((layer) => layer.weight === name)).map((f) => f.name),
  );
}
