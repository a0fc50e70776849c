/** Sizes that a model leaves open: which they are, and what to take when nobody says. */
import type { GraphInput } from '../../onnx/network/network';
import { resolveInputs, withBatch, type InputSpec } from './inputShapes';
import { isFloat } from './tensorTypes';

/** Side of a picture, where neither the model, the user nor the data says: what classifiers are trained at, and a multiple of 32. */
export const DEFAULT_SIDE = 224;
const DEFAULT_SEQUENCE = 128;
/** One second at 16 kHz. */
const DEFAULT_AUDIO = 16000;
/** Hz. */
export const DEFAULT_RATE = 16000;
/** The chunk that streaming voice detectors take, in seconds: 512 samples at 16 kHz. */
const DEFAULT_AUDIO_CHUNK = 0.032;

export const SAMPLE_RATE = /^(sr|sample_?rate|sampling_?rate)$/i;

export interface MissingSizes extends GraphInput {
  /** Axes that are open, the batch axis not counted, with the model's names for them. */
  open: { axis: number; name: string }[];
  /** A full shape to offer (batch 1), in the form that DataSpec.shapes takes. */
  suggestion: number[];
}

/** Inputs with open sizes that `shapes` does not settle: what to ask the user for. Data may still settle them. */
export function missingSizes(
  inputs: readonly GraphInput[],
  shapes: Readonly<Record<string, number[]>>,
): MissingSizes[] {
  const specs = resolveInputs(inputs, shapes);
  const defaults = fillOpenSizes(specs);
  return specs.flatMap((spec, i) => {
    const open = openAxes(spec).map((axis) => ({ axis, name: spec.names[axis] }));
    return open.length ? [{ ...inputs[i], open, suggestion: defaults[i] }] : [];
  });
}

export function openAxes(spec: InputSpec): number[] {
  return spec.shape.flatMap((size, axis) => (size === null && axis !== spec.batchAxis ? [axis] : []));
}

/**
 * Full shapes (batch 1) with every open size filled in; a name gets the same size wherever it stands.
 * @param values given to inputs: a sample rate says how long a chunk is
 */
export function fillOpenSizes(
  specs: readonly InputSpec[],
  values: Readonly<Record<string, number>> = {},
): number[][] {
  const guess = (spec: InputSpec, axis: number) => defaultSize(spec, axis, specs, values);
  const sizes = new Map<string, number>();
  for (const spec of specs) {
    for (const axis of openAxes(spec)) {
      const name = spec.names[axis];
      // Sums are settled below, from their terms.
      if (name !== '' && !sizes.has(name) && !name.includes('+')) sizes.set(name, guess(spec, axis));
    }
  }
  return specs.map((spec) =>
    withBatch(
      spec.shape.map(
        (size, axis) =>
          size ?? sizes.get(spec.names[axis]) ?? sumOfTerms(spec.names[axis], sizes) ?? guess(spec, axis),
      ),
      spec.batchAxis,
      1,
    ),
  );
}

/** "past_sequence_length + sequence_length", as exporters of decoders name the length of the attention mask. */
function sumOfTerms(name: string, sizes: Map<string, number>): number | null {
  const terms = name.split('+').map((term) => term.trim());
  if (terms.length < 2) return null;
  const values = terms.map((term) => (/^\d+$/.test(term) ? Number(term) : sizes.get(term)));
  return values.every((value) => value !== undefined) ? values.reduce((a, b) => a + b, 0) : null;
}

function defaultSize(
  spec: InputSpec,
  axis: number,
  all: readonly InputSpec[],
  values: Readonly<Record<string, number>>,
): number {
  // A decoder's first step has no past.
  if (/past/i.test(spec.names[axis])) return 0;
  if (!isFloat(spec.type) && spec.shape.length < 3) return DEFAULT_SEQUENCE;
  if (spec.shape.length >= 4) return isChannelAxis(spec, axis) ? 3 : DEFAULT_SIDE;
  if (spec.shape.length === 3 && spec.batchAxis === null) return DEFAULT_SIDE;
  if (spec.shape.length === 2) {
    const rate = all.find((other) => SAMPLE_RATE.test(other.name));
    return rate ? Math.round(DEFAULT_AUDIO_CHUNK * (values[rate.name] ?? DEFAULT_RATE)) : DEFAULT_AUDIO;
  }
  return DEFAULT_SEQUENCE;
}

/** Of an open four-axis shape: the axis after the batch, unless the last one is a number of channels. */
function isChannelAxis(spec: InputSpec, axis: number): boolean {
  const last = spec.shape.at(-1)!;
  const channelsLast = last !== null && last <= 4;
  return axis === 1 && !channelsLast;
}

/** Words for the user about sizes that were made up. */
export function guessedSizesWarning(spec: InputSpec, shape: readonly number[], source: string): string {
  const said = shape.join('x');
  return `Input "${spec.name}" leaves sizes open; ${said} was taken (${source}). Give others with --shape ${spec.name}=${said}.`;
}
