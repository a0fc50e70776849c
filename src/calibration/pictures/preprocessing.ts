/** How pixels become numbers: presets, layout, and the table that does it. */
import type { PictureTarget } from './decode';
import { scale } from './geometry';
import type { GraphInput } from '../../onnx/network/network';
import { toFloat16Bits } from '../../onnx/proto/float16';
import { DataError } from '../inputs/errors';
import { resolveInputs, withoutBatch, type InputSpec } from '../inputs/inputShapes';
import type { Preprocessing, PresetName } from '../inputs/spec';
import { isFloat, makeData, type TensorData, type TensorType, typeOfElem } from '../inputs/tensorTypes';

interface Preset {
  mean: number[];
  std: number[];
  /** With resize 'crop': the picture is scaled to cover this many times the wanted size before its centre is cut out. */
  margin: number;
}

/** (pixel / 255 - mean) / std, in RGB. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  // torchvision's Resize(256), CenterCrop(224).
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], margin: 256 / 224 },
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616], margin: 1 },
  // -1 to 1: MobileNet and Inception as TensorFlow has them, ViT.
  signed: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], margin: 256 / 224 },
  // (pixel - 127) / 128, cut out with a border of 32 pixels at 224.
  'efficientnet-lite': {
    mean: [127 / 255, 127 / 255, 127 / 255],
    std: [128 / 255, 128 / 255, 128 / 255],
    margin: 256 / 224,
  },
  unit: { mean: [0, 0, 0], std: [1, 1, 1], margin: 1 },
  raw: { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255], margin: 1 },
};

/** Where a picture's axes lie in an input. */
export interface PictureLayout {
  /** Axes of the input's shape, batch included; null where a grey picture has no axis of channels. */
  channelAxis: number | null;
  heightAxis: number;
  widthAxis: number;
  channels: 1 | 3 | 4;
}

/** Whether a folder of pictures can feed the model. */
export function takesPictures(inputs: readonly GraphInput[]): boolean {
  if (inputs.length !== 1 || !typeOfElem(inputs[0].elemType)) return false;
  const [spec] = resolveInputs(inputs, {});
  return spec.type !== 'int8' && spec.type !== 'bool' && pictureLayout(spec) !== null;
}

/** Null where the input does not look like a picture. */
export function pictureLayout(spec: InputSpec, wanted?: 'NCHW' | 'NHWC'): PictureLayout | null {
  const rest = spec.shape.map((_, axis) => axis).filter((axis) => axis !== spec.batchAxis);
  if (spec.batchAxis !== 0 && spec.batchAxis !== null) return null;
  if (rest.length === 2 && spec.batchAxis === 0) {
    // Two plain axes are far more often a series; only fixed ones of a picture's proportions count.
    const [height, width] = withoutBatch(spec.shape, 0);
    const square = height !== null && width !== null && height >= 8 && height === width;
    return square ? { channelAxis: null, heightAxis: rest[0], widthAxis: rest[1], channels: 1 } : null;
  }
  if (rest.length !== 3) return null;
  const first = { channelAxis: rest[0], heightAxis: rest[1], widthAxis: rest[2] };
  const last = { channelAxis: rest[2], heightAxis: rest[0], widthAxis: rest[1] };
  const ordered = wanted === 'NHWC' ? [last] : wanted === 'NCHW' ? [first] : [first, last];
  // Four channels are rare, and four rows are not: they count where nothing else fits.
  for (const channels of [3, 1, 4] as const) {
    const layout = ordered.find(({ channelAxis }) => spec.shape[channelAxis] === channels);
    if (layout) return { ...layout, channels };
  }
  // All open, as some exporters leave it.
  const open = ordered.find(({ channelAxis }) => spec.shape[channelAxis] === null);
  return open ? { ...open, channels: 3 } : null;
}

export interface Normalization {
  mean: number[];
  std: number[];
}

/**
 * Mean and standard deviation per channel of the model, in the model's channel order.
 * @throws DataError for a number of values that is not the model's number of channels.
 */
export function normalization(preprocessing: Preprocessing, channels: number): Normalization {
  const preset = PRESETS[preprocessing.preset];
  const bgr = preprocessing.channels === 'BGR' && channels === 3;
  const ofPreset = (values: number[]) => {
    if (channels === 1) return [values.reduce((a, b) => a + b, 0) / values.length];
    // Opacity has no statistics of its own: it stays between 0 and 1 (or 255).
    const all =
      channels === 4
        ? [...values, values === preset.mean ? 0 : preprocessing.preset === 'raw' ? 1 / 255 : 1]
        : values;
    return bgr ? [...all].reverse() : all;
  };
  const mean = perChannel(preprocessing.mean, 'mean', channels) ?? ofPreset(preset.mean);
  const std = perChannel(preprocessing.std, 'std', channels) ?? ofPreset(preset.std);
  if (std.includes(0))
    throw new DataError('A standard deviation of 0 would divide by zero; give values above 0.');
  return { mean, std };
}

function perChannel(values: number[] | undefined, what: string, channels: number): number[] | null {
  if (!values) return null;
  if (!values.every(Number.isFinite) || (values.length !== 1 && values.length !== channels)) {
    throw new DataError(
      `${what} has ${values.length} values (${values.join(', ')}) where the model's input has ${channels} channels; give one number per channel.`,
    );
  }
  return values.length === 1 ? Array.from({ length: channels }, () => values[0]) : values;
}

/** @throws DataError for a share that cuts nothing out */
export function cropMargin({ preset, crop }: Preprocessing): number {
  if (crop === undefined) return PRESETS[preset].margin;
  if (crop > 0 && crop <= 1) return 1 / crop;
  throw new DataError(`A crop of ${crop} is no share of a picture; give a number above 0 and at most 1.`);
}

/**
 * One line for the user: what was done to the pictures.
 * @param exact of `all` pictures, those that had the model's size
 * @param normalization null where the model takes the pixels as they are
 */
export function describePreparation(
  { exact, all }: { exact: number; all: number },
  { height, width, margin, resize, channels }: PictureTarget,
  { preset, channels: order }: Preprocessing,
  normalization: Normalization | null,
): string {
  const size = `${height}x${width}`;
  const outer = scale({ height, width }, margin);
  const scaled = {
    stretch: `stretched to ${size}`,
    pad: `scaled to fit into ${size}, the rest black`,
    crop:
      margin === 1
        ? `scaled to cover ${size}, what stands out cut off`
        : `scaled to cover ${outer.height}x${outer.width}, their central ${size} cut out`,
  }[resize];
  const counted = (count: number) => (exact === 0 || exact === all ? '' : `${count} of ${all} `);
  const parts = [
    ...(exact > 0 ? [`${counted(exact)}taken as they are (${size})`] : []),
    ...(exact < all ? [`${counted(all - exact)}${scaled}`] : []),
  ];
  const list = (values: number[]) =>
    (new Set(values).size === 1 ? values.slice(0, 1) : values)
      .map((value) => Number(value.toPrecision(4)))
      .join(', ');
  const numbers = normalization
    ? `(pixel / 255 - [${list(normalization.mean)}]) / [${list(normalization.std)}], preset ${preset}`
    : 'pixels 0 to 255';
  return `pictures ${parts.join(', ')}; ${channels === 1 ? 'grey' : (order ?? 'RGB')}; ${numbers}`;
}

/** Per channel, the number that each of the 256 pixel values becomes. Integer inputs get the pixels themselves. */
export function pixelTables({ mean, std }: Normalization, type: TensorType): TensorData[] {
  return mean.map((_, channel) => {
    const table = makeData(type, 256);
    for (let pixel = 0; pixel < 256; pixel++) {
      const value = isFloat(type) ? (pixel / 255 - mean[channel]) / std[channel] : pixel;
      if (type === 'float16') table[pixel] = toFloat16Bits(value);
      else
        table[pixel] =
          table instanceof BigInt64Array || table instanceof BigUint64Array ? BigInt(value) : value;
    }
    return table;
  });
}

/**
 * Fills one sample of the output.
 * @param pixels height x width x channels, RGB(A) or grey.
 */
export function fillPicture(
  out: TensorData,
  offset: number,
  pixels: Uint8Array,
  layout: PictureLayout,
  tables: readonly TensorData[],
  bgr: boolean,
): void {
  const { channels } = layout;
  const area = pixels.length / channels;
  const channelsFirst = layout.channelAxis !== null && layout.channelAxis < layout.heightAxis;
  const pixelStep = channelsFirst ? 1 : channels;
  const channelStep = channelsFirst ? area : 1;
  for (let channel = 0; channel < channels; channel++) {
    const table = tables[channel];
    const from = bgr && channel < 3 && channels >= 3 ? 2 - channel : channel;
    for (let i = 0; i < area; i++) {
      out[offset + i * pixelStep + channel * channelStep] = table[pixels[i * channels + from]];
    }
  }
}
