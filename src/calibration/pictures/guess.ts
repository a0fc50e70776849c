/** How the pictures of a model most likely become tensors, and what says so. A guess without a reason is called one. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Preprocessing, PresetName } from '../inputs/spec';
import { PRESETS } from './preprocessing';

/** What of a model speaks for its preprocessing. */
export interface PictureFacts {
  /** Absolute path. */
  model: string;
  /** Who wrote the file, and what it says about itself. */
  producer: string;
  metadata: Readonly<Record<string, string>>;
  /** Of the input that takes pictures. */
  isInteger: boolean;
  height: number | null;
  width: number | null;
  channels: number;
  /** What the first operators do to its values; null: nothing. */
  scale: { scale: number[]; offset: number[] } | null;
}

export interface PreprocessingGuess {
  preprocessing: Preprocessing;
  /** One sentence: what says so. */
  reason: string;
  /** The model, or a file beside it, says it; false: it is what such models usually take. */
  isSure: boolean;
}

export async function guessPreprocessing(facts: PictureFacts): Promise<PreprocessingGuess> {
  const beside = (await fromProcessor(facts.model)) ?? (await fromTimm(facts.model));
  return beside ?? fromFile(facts);
}

function fromFile({
  model,
  producer,
  metadata,
  isInteger,
  scale,
  height,
  width,
  channels,
}: PictureFacts): PreprocessingGuess {
  const sure = (preprocessing: Preprocessing, reason: string) => ({ preprocessing, reason, isSure: true });
  const maybe = (preprocessing: Preprocessing, reason: string) => ({ preprocessing, reason, isSure: false });
  if (isInteger)
    return sure({ preset: 'raw' }, 'The model takes whole numbers, so the pixels are fed as they are.');
  if (/ultralytics/i.test(metadata.author ?? '')) {
    return sure(
      { preset: 'unit', resize: 'pad' },
      'The file says that Ultralytics made it, whose models take 0..1.',
    );
  }
  const taken = scale && rangeTaken(scale);
  if (taken === 'raw') {
    return sure(
      { preset: 'raw' },
      `The model's first operators compute ${inWords(scale!)}, so it takes pixels 0 to 255.`,
    );
  }
  if (taken === 'unit') {
    return sure(
      { preset: 'unit' },
      `The model's first operators compute ${inWords(scale!)}, so it takes pixels scaled to 0..1.`,
    );
  }
  const name = basename(model);
  if (/efficientnet[-_]?lite/i.test(name)) {
    return maybe({ preset: 'efficientnet-lite' }, 'The name of the file says EfficientNet-Lite.');
  }
  if (/ocr.*_det|det.*ocr/i.test(name)) {
    const { mean, std } = PRESETS.imagenet;
    return maybe(
      { preset: 'imagenet', mean, std, channels: 'BGR', resize: 'stretch' },
      "The name says PP-OCR detection, which reads BGR with ImageNet's mean and deviation.",
    );
  }
  if (/ocr.*_(rec|cls)|(rec|cls).*ocr/i.test(name)) {
    return maybe(
      { preset: 'signed', channels: 'BGR', resize: 'stretch' },
      'The name says PP-OCR, whose recognition and classification take BGR from -1 to 1.',
    );
  }
  if (/tf2onnx|tflite|keras/i.test(producer)) {
    return maybe(
      { preset: 'signed' },
      `${producer} wrote the file: models of TensorFlow without a scaling of their own mostly take -1..1.`,
    );
  }
  if (height === 28 && width === 28 && channels === 1) {
    return maybe(
      { preset: 'unit', mean: [0.1307], std: [0.3081] },
      'The input is 28 x 28 in grey, as MNIST has it.',
    );
  }
  if (height === 32 && width === 32) {
    return maybe({ preset: 'cifar10' }, 'The input is 32 x 32, as CIFAR-10 has it.');
  }
  return maybe(
    { preset: 'imagenet' },
    "Nothing in the file says it; ImageNet's mean and deviation are the most common.",
  );
}

/** What pixels must be for the scaled values to lie around zero with a spread of about one. */
function rangeTaken({ scale }: { scale: number[] }): 'raw' | 'unit' | null {
  const typical = scale.reduce((sum, value) => sum + Math.abs(value), 0) / scale.length;
  const isSpread = (span: number): boolean => span >= 0.9 && span <= 10;
  if (isSpread(255 * typical)) return 'raw';
  return isSpread(typical) && Math.abs(typical - 1) > 1e-6 ? 'unit' : null;
}

function inWords({ scale, offset }: { scale: number[]; offset: number[] }): string {
  const short = (value: number): string => String(Number(value.toPrecision(3)));
  const deviation = scale.map((value) => short(1 / value));
  const mean = scale.map((value, i) => short(-(offset[i] ?? offset[0]) / value + 0));
  const one = (values: string[]): string =>
    new Set(values).size === 1 ? values[0] : `[${values.join(', ')}]`;
  return `(x - ${one(mean)}) / ${one(deviation)}`;
}

/** Hugging Face's preprocessor_config.json, beside the model or beside the folder that holds it. */
async function fromProcessor(model: string): Promise<PreprocessingGuess | null> {
  const found = await besideModel(model, 'preprocessor_config.json');
  if (!found) return null;
  const { json, path } = found;
  if (json.image_mean === undefined && json.do_normalize === undefined && json.size === undefined)
    return null;
  const factor = json.do_rescale === false ? 255 : 255 * numberOf(json.rescale_factor, 1 / 255);
  const isNormalized = json.do_normalize !== false;
  const [mean, std] = [isNormalized ? json.image_mean : 0, isNormalized ? json.image_std : 1].map(
    (value, i) => numbersOf(value, i).map((v) => v / factor),
  );
  const preprocessing: Preprocessing = { ...named(mean, std), ...resizeOf(json) };
  if (json.do_flip_channel_order === true) preprocessing.channels = 'BGR';
  return { preprocessing, reason: `${path} says so.`, isSure: true };
}

/** timm's config.json. */
async function fromTimm(model: string): Promise<PreprocessingGuess | null> {
  const found = await besideModel(model, 'config.json');
  const config = found?.json.pretrained_cfg as Record<string, unknown> | undefined;
  if (!found || !config || !Array.isArray(config.mean) || !Array.isArray(config.std)) return null;
  const crop = numberOf(config.crop_pct, 1);
  const preprocessing = {
    ...named(numbersOf(config.mean, 0), numbersOf(config.std, 1)),
    resize: 'crop' as const,
    crop,
  };
  return { preprocessing, reason: `${found.path} (pretrained_cfg) says so.`, isSure: true };
}

async function besideModel(
  model: string,
  name: string,
): Promise<{ json: Record<string, unknown>; path: string } | null> {
  for (const folder of [dirname(model), dirname(dirname(model))]) {
    try {
      const json: unknown = JSON.parse(await readFile(join(folder, name), 'utf8'));
      if (typeof json === 'object' && json !== null) {
        return { json: json as Record<string, unknown>, path: join(folder, name) };
      }
    } catch {
      // not there, or not JSON: it says nothing
    }
  }
  return null;
}

const numberOf = (value: unknown, fallback: number): number =>
  typeof value === 'number' && Number.isFinite(value) && value !== 0 ? value : fallback;

/** One number per channel; without any, those that change nothing. */
function numbersOf(value: unknown, neutral: number): number[] {
  const values = Array.isArray(value) ? value : [value ?? neutral];
  return values.every((each) => typeof each === 'number') ? values : [neutral];
}

/** By the preset that has these numbers, where one does. */
function named(mean: number[], std: number[]): Preprocessing {
  const close = (a: readonly number[], b: readonly number[]): boolean =>
    b.every((value, i) => Math.abs(value - (a[i] ?? a[0])) < 1e-3 * Math.max(0.01, Math.abs(value)));
  const known = (Object.keys(PRESETS) as PresetName[]).find(
    (name) => close(mean, PRESETS[name].mean) && close(std, PRESETS[name].std),
  );
  return known ? { preset: known } : { preset: 'imagenet', mean, std };
}

function resizeOf(json: Record<string, unknown>): Pick<Preprocessing, 'resize' | 'crop'> {
  const size = json.size as number | Record<string, number> | undefined;
  const shortest = typeof size === 'number' ? size : size?.shortest_edge;
  const cut = json.crop_size as number | Record<string, number> | undefined;
  const side = typeof cut === 'number' ? cut : cut?.height;
  if (json.do_pad === true) return { resize: 'pad' };
  if (json.do_center_crop === true && shortest && side) {
    return { resize: 'crop', crop: Math.min(1, side / shortest) };
  }
  if (typeof json.crop_pct === 'number') return { resize: 'crop', crop: Math.min(1, json.crop_pct) };
  return typeof size === 'object' && size.height ? { resize: 'stretch' } : {};
}
