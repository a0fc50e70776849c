/** What each tool takes, as JSON Schema: shown to the client and held against every call. */
import { PRESET_NAMES } from '../calibration/inputs/spec';
import { OBJECTIVES } from '../core/allocation/objectives';
import { BIT_WIDTHS } from '../core/problem/widths';

export interface ToolInfo {
  name: string;
  /** For people. */
  title: string;
  description: string;
  inputSchema: {
    type: 'object';
    properties: Record<string, object>;
    required: string[];
    additionalProperties: false;
  };
  annotations: { readOnlyHint: boolean; destructiveHint: boolean; openWorldHint: false };
}

const path = (description: string) => ({ type: 'string', minLength: 1, maxLength: 4096, description });
const list = (description: string) => ({
  type: 'array',
  minItems: 1,
  maxItems: 4,
  items: { type: 'number' },
  description,
});

const MODEL = path('The .onnx file.');
const CONFIG = path('The .ompq.json file that quantize has written.');
const DATA = {
  data: path(
    'Folder of pictures or of .npy files, a .npy, or a .npz. Without it, synthetic input is used: measurements then say little.',
  ),
  preset: {
    enum: [...PRESET_NAMES],
    description: 'Image preprocessing; default: what the model says or most likely takes, with the reason.',
  },
  mean: list('Per channel, of pixels scaled to 0..1; in place of the preset.'),
  std: list('Per channel, of pixels scaled to 0..1; in place of the preset.'),
  resize: { enum: ['crop', 'stretch', 'pad'] },
  layout: { enum: ['NCHW', 'NHWC'] },
  channels: { enum: ['RGB', 'BGR'] },
  shapes: {
    type: 'object',
    maxProperties: 64,
    additionalProperties: {
      type: 'array',
      maxItems: 8,
      items: { type: 'integer', minimum: 1, maximum: 1e6 },
    },
    description: 'Full shapes of inputs whose sizes the model leaves open.',
  },
};

function tool(
  name: string,
  title: string,
  description: string,
  properties: Record<string, object>,
  required: string[],
  writes = false,
): ToolInfo {
  return {
    name,
    title,
    description,
    inputSchema: { type: 'object', properties, required, additionalProperties: false },
    annotations: { readOnlyHint: !writes, destructiveHint: false, openWorldHint: false },
  };
}

export const TOOLS: readonly ToolInfo[] = [
  tool(
    'inspect',
    'Inspect an ONNX model',
    'List the layers of a model that can be quantized, with their sizes, and what stays float.',
    { model: MODEL },
    ['model'],
  ),
  tool(
    'quantize',
    'Find bits for an ONNX model',
    'Find the bits of every layer for a budget (exactly one of sizeBytes, averageBits, ratio) or the smallest file of a quality (quality), and write the config. No labels are needed.',
    {
      model: MODEL,
      ...DATA,
      samples: {
        type: 'integer',
        minimum: 2,
        maximum: 4096,
        description: 'Calibration samples; default 64.',
      },
      seed: { type: 'integer', minimum: 0, maximum: 2 ** 31 },
      sizeBytes: {
        type: 'integer',
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Of the quantized file.',
      },
      averageBits: { type: 'number', minimum: 1, maximum: 32 },
      ratio: { type: 'number', minimum: 1, maximum: 1000, description: 'Float size over quantized size.' },
      quality: {
        type: 'object',
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
        properties: {
          kl: { type: 'number', exclusiveMinimum: 0, description: 'At most this KL divergence, nats.' },
          agreement: {
            type: 'number',
            exclusiveMinimum: 0,
            maximum: 1,
            description: "At least this share of the float model's answers, e.g. 0.99.",
          },
          sqnrDb: { type: 'number', exclusiveMinimum: 0, description: 'At least this SQNR, dB.' },
          noise: { type: 'number', exclusiveMinimum: 0, description: 'At most this sum of noise.' },
        },
      },
      objective: { enum: [...OBJECTIVES] },
      searchSeconds: { type: 'number', minimum: 0, maximum: 600 },
      locks: {
        type: 'object',
        maxProperties: 10_000,
        additionalProperties: { enum: [...BIT_WIDTHS] },
        description: 'Layer name -> bits.',
      },
      out: path('The config; default: <model>.ompq.json beside the model.'),
    },
    ['model'],
    true,
  ),
  tool(
    'pareto',
    'List possible sizes',
    'Sizes and average bits that are possible, along the budget of a config.',
    { config: CONFIG },
    ['config'],
  ),
  tool(
    'explain',
    'Explain bits',
    'Why layers have their bits, what hurts them, and what helps; the noisiest first.',
    {
      config: CONFIG,
      layer: { type: 'string', maxLength: 4096 },
      most: { type: 'integer', minimum: 1, maximum: 10_000 },
    },
    ['config'],
  ),
  tool(
    'set_bits',
    'Set bits of layers',
    'Set and lock the bits of layers in a config by hand; null releases a layer for the next quantize.',
    {
      config: CONFIG,
      bits: {
        type: 'object',
        minProperties: 1,
        maxProperties: 10_000,
        additionalProperties: { enum: [...BIT_WIDTHS, null] },
        description: 'Layer name -> bits.',
      },
    },
    ['config', 'bits'],
    true,
  ),
  tool(
    'export',
    'Export a quantized model',
    'Write the quantized model that a config describes, check it, and measure it against the original.',
    {
      config: CONFIG,
      out: path('The .onnx file; default: a free name beside the config.'),
      rounding: { enum: ['reconstruct', 'gptq', 'nearest'], description: 'Default reconstruct, the best.' },
      activationBits: { type: 'integer', minimum: 4, maximum: 8, description: 'Also quantize activations.' },
      overwrite: { type: 'boolean' },
    },
    ['config'],
    true,
  ),
  tool(
    'eval',
    'Measure models',
    'Measure a model (top-1, top-5 with labels), or two side by side (same answers, KL divergence, SQNR, also of every layer).',
    {
      model: MODEL,
      other: path('A second model with the same inputs, compared with the first.'),
      ...DATA,
      classes: path(
        'A list of the class names in the order of the outputs, for data whose labels are names.',
      ),
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: 10_000_000,
        description: 'Samples; default all, or 64 synthetic ones.',
      },
      perLayer: { type: 'boolean' },
    },
    ['model'],
  ),
  tool(
    'report',
    'Write a report',
    'Write one self-contained HTML page, or Markdown, with bits, curve, quality, error of every layer and settings.',
    {
      config: CONFIG,
      model: path('The exported model, to measure every layer.'),
      out: path('An .html or .md file that does not exist.'),
    },
    ['config'],
    true,
  ),
];
