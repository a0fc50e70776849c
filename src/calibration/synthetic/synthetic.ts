/** Seeded synthetic inputs, so that a model can be looked at before there is data. */
import { type Random, seededRandom } from '../../common/random';
import { product } from '../../onnx/proto/dims';
import { convert } from '../inputs/convert';
import { fixedValue } from '../inputs/fixedInputs';
import { type InputSpec, withoutBatch } from '../inputs/inputShapes';
import { DEFAULT_RATE, fillOpenSizes, guessedSizesWarning, openAxes, SAMPLE_RATE } from '../inputs/openSizes';
import { type Chosen, firstOf, type OpenContext, type Source, type Tensors } from '../inputs/source';
import type { DataSpec } from '../inputs/spec';
import { stackSamples } from '../inputs/stack';
import { isFloat, makeData, type TensorData, TYPES } from '../inputs/tensorTypes';
import { fillPicture, normalization, pictureLayout, pixelTables } from '../pictures/preprocessing';
import { naturalNoise } from './naturalPictures';

/** Ids below this exist in every vocabulary that we know of. */
const SAFE_VOCABULARY = 1000;
const STATE = /(^|[._])(state|h|c|h_?0|c_?0|hn|cn|hidden|cell|cache)s?$/i;

export function openSynthetic(data: DataSpec, context: OpenContext): Source {
  const { specs } = context;
  const shapes = fillOpenSizes(specs, data.values);
  const warnings = specs.flatMap((spec, i) =>
    openAxes(spec).length ? [guessedSizesWarning(spec, shapes[i], 'there is no data to tell')] : [],
  );
  for (const spec of specs) {
    const value = data.values?.[spec.name];
    if (value === undefined) warnings.push(...madeUpNumber(spec));
    else fixedValue(spec, value);
  }
  const lengths = specs.flatMap((spec, i) => openAxes(spec).map((axis) => shapes[i][axis]));
  const makers = specs.map((spec, i) => sampleMaker(spec, shapes[i], data, lengths[0] ?? 1));
  return {
    count: Infinity,
    labels: null,
    classNames: null,
    noun: `synthetic samples (seed ${data.seed})`,
    warnings,
    choose(order, wanted): Promise<Chosen> {
      const read = (indices: readonly number[]) => {
        const tensors: Tensors = {};
        specs.forEach((spec, i) => {
          const length = product(shapes[i]);
          const samples = spec.batchAxis === null ? 1 : indices.length;
          const stacked = makeData(spec.type, samples * length);
          for (let n = 0; n < samples; n++) {
            // An input that all samples share must not change from block to block.
            const sample = spec.batchAxis === null && batched(specs) ? 0 : indices[n];
            const random = seededRandom('synthetic', data.seed, spec.name, sample);
            (stacked as Float32Array).set(makers[i](random) as Float32Array, n * length);
          }
          tensors[spec.name] = stackSamples(spec, shapes[i], stacked, indices.length);
        });
        return Promise.resolve(tensors);
      };
      const named = Object.fromEntries(specs.map((spec, i) => [spec.name, shapes[i]]));
      return Promise.resolve(firstOf(order, wanted, named, read));
    },
  };
}

const batched = (specs: readonly InputSpec[]) => specs.some((spec) => spec.batchAxis !== null);

/** Values of one sample, batch axis left out, in the input's type. */
type SampleMaker = (random: Random) => TensorData;

function sampleMaker(
  spec: InputSpec,
  shape: readonly number[],
  data: DataSpec,
  sequence: number,
): SampleMaker {
  const length = product(withoutBatch(shape, spec.batchAxis));
  const fill = (value: (random: Random, i: number) => number): SampleMaker => {
    return (random) => {
      const values = Float64Array.from({ length }, (_, i) => value(random, i));
      return convert(values, 'float64', spec.type, `Synthetic input "${spec.name}"`);
    };
  };
  const given = data.values?.[spec.name];
  if (given !== undefined) return fill(() => given);
  if (SAMPLE_RATE.test(spec.name)) return fill(() => clamped(DEFAULT_RATE, spec));
  const layout = pictureLayout(spec, data.preprocessing.layout);
  if (layout && spec.type !== 'bool' && spec.type !== 'int8') {
    const tables = pixelTables(normalization(data.preprocessing, layout.channels), spec.type);
    const bgr = data.preprocessing.channels === 'BGR';
    return (random) => {
      const pixels = naturalNoise(random, shape[layout.heightAxis], shape[layout.widthAxis], layout.channels);
      const out = makeData(spec.type, length);
      fillPicture(out, 0, pixels, layout, tables, bgr);
      return out;
    };
  }
  if (/mask/i.test(spec.name)) return fill(() => 1);
  if (isFloat(spec.type)) {
    // Recurrent networks start from zero.
    const state = STATE.test(spec.name) && spec.batchAxis !== 0;
    return fill((random) => (state ? 0 : random.normal()));
  }
  const below = Math.min(spec.vocabulary ?? SAFE_VOCABULARY, Number(TYPES[spec.type].max) + 1);
  // A single flag for a whole batch switches a part of the graph on; off is what every exporter's default is.
  if (spec.type === 'bool') return fill((random) => (spec.batchAxis === null ? 0 : random.below(2)));
  if (/(^|_)(token_)?type|segment/i.test(spec.name)) return fill(() => 0);
  if (/position/i.test(spec.name)) {
    const last = shape.at(-1) ?? 1;
    return fill((_, i) => clamped((i % last) % below, spec));
  }
  if (/len(gth)?s?$/i.test(spec.name))
    return fill(() => Math.min(clamped(sequence, spec), (spec.vocabulary ?? Infinity) - 1));
  return fill((random) => random.below(below));
}

/** A single whole number often decides what the model computes. */
function madeUpNumber(spec: InputSpec): string[] {
  if (spec.shape.length > 0 || isFloat(spec.type) || spec.type === 'bool') return [];
  const what = SAMPLE_RATE.test(spec.name) ? `${DEFAULT_RATE} was taken` : 'it was made up';
  return [
    `Input "${spec.name}" is a single number, and there is no data to tell which: ${what}. Give another with --value ${spec.name}=NUMBER.`,
  ];
}

function clamped(value: number, spec: InputSpec): number {
  return isFloat(spec.type) ? value : Math.min(value, Number(TYPES[spec.type].max));
}
