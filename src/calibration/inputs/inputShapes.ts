/** Shapes of a model's inputs: which sizes are open, where the batch runs, what the user said about them. */
import type { GraphInput } from '../../onnx/network/network';
import type { Dimension } from '../../onnx/proto/dims';
import { DataError } from './errors';
import { elemTypeName, type TensorType, typeOfElem } from './tensorTypes';

/** What the model wants of one input. */
export interface InputSpec {
  name: string;
  type: TensorType;
  /** The model's own shape, batch included, with what the user said filled in. Open sizes are null. */
  shape: (number | null)[];
  /** Names of the open sizes ('' where there is none), as in the model. */
  names: string[];
  batchAxis: number | null;
  /** Its values are indices below this. */
  vocabulary?: number;
}

/** Some exporters write -1 or 0 for an open size. */
const isOpen = (dim: Dimension) => typeof dim === 'string' || dim <= 0;
const nameOf = (dim: Dimension) => (typeof dim === 'string' ? dim : '');

/**
 * The axis of each input along which samples are stacked (see Dataset.batchAxes). The first input with an
 * open first axis (or else the first one with axes) sets what the batch looks like; the others are searched for the same
 * name, for an open axis, or for the same size.
 */
export function batchAxes(inputs: readonly GraphInput[]): Record<string, number | null> {
  const axes: Record<string, number | null> = Object.fromEntries(inputs.map((input) => [input.name, null]));
  const first =
    inputs.find((input) => input.shape.length >= 2 && isOpen(input.shape[0])) ??
    inputs.find((input) => input.shape.length >= 2) ??
    inputs.find((input) => input.shape.length === 1);
  if (!first || isUnbatchedPicture(first.shape)) return axes;
  const batch = first.shape[0];
  for (const input of inputs) {
    const axis = input === first ? 0 : matchingAxis(input.shape, batch);
    axes[input.name] = axis === -1 ? null : axis;
  }
  return axes;
}

function matchingAxis(shape: readonly Dimension[], batch: Dimension): number {
  if (shape.length === 0) return -1;
  if (!isOpen(batch)) return shape[0] === batch ? 0 : shape.indexOf(batch);
  const name = nameOf(batch);
  if (name !== '' && shape.includes(name)) return shape.indexOf(name);
  if (isOpen(shape[0])) return 0;
  // Nameless sizes tell nothing; the first one behind fixed sizes is a recurrent state's batch.
  return name === '' ? shape.indexOf('') : -1;
}

/** Channels x height x width and nothing else, as the Faster R-CNN of the ONNX model zoo has it. */
function isUnbatchedPicture(shape: readonly Dimension[]): boolean {
  const side = (dim: Dimension) => isOpen(dim) || (dim as number) >= 16;
  return shape.length === 3 && (shape[0] === 3 || shape[0] === 4) && side(shape[1]) && side(shape[2]);
}

/**
 * Applies the user's full shapes; a size given for a named dimension holds wherever the name stands.
 * @throws DataError for a type that cannot be fed and for a shape that contradicts the model.
 */
export function resolveInputs(
  inputs: readonly GraphInput[],
  shapes: Readonly<Record<string, number[]>>,
): InputSpec[] {
  for (const name of Object.keys(shapes)) {
    if (!inputs.some((input) => input.name === name)) {
      const names = inputs.map((input) => input.name).join(', ');
      throw new DataError(`The model has no input "${name}" to give a shape to; its inputs are: ${names}.`);
    }
  }
  const axes = batchAxes(inputs);
  const said = sizesByName(inputs, shapes, axes);
  return inputs.map((input) => {
    const type = typeOfElem(input.elemType);
    if (!type) {
      throw new DataError(
        `Input "${input.name}" of the model is of type ${elemTypeName(input.elemType)}, which cannot be fed.`,
      );
    }
    const given = shapes[input.name];
    const shape = input.shape.map((dim, axis) => {
      if (!isOpen(dim)) return dim as number;
      // Nothing runs with another size: an empty cache, say. The batch is ours to choose.
      if (dim === 0 && axis !== axes[input.name]) return 0;
      return given ? given[axis] : (said.get(nameOf(dim)) ?? null);
    });
    const names = input.shape.map(nameOf);
    const { name, vocabulary } = input;
    return {
      name,
      type,
      shape,
      names,
      batchAxis: axes[name],
      ...(vocabulary === undefined ? {} : { vocabulary }),
    };
  });
}

function sizesByName(
  inputs: readonly GraphInput[],
  shapes: Readonly<Record<string, number[]>>,
  axes: Record<string, number | null>,
): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const input of inputs) {
    const given = shapes[input.name];
    if (!given) continue;
    checkGiven(input, given, axes[input.name]);
    input.shape.forEach((dim, axis) => {
      if (nameOf(dim) !== '' && axis !== axes[input.name]) sizes.set(nameOf(dim), given[axis]);
    });
  }
  return sizes;
}

function checkGiven(input: GraphInput, given: readonly number[], batchAxis: number | null): void {
  const wanted = describeShape(input.shape);
  const said = given.join('x') || 'an empty shape';
  if (given.length !== input.shape.length) {
    throw new DataError(
      `The shape ${said} given for input "${input.name}" has ${given.length} sizes where the model has ${input.shape.length}: ${wanted}.`,
    );
  }
  given.forEach((size, axis) => {
    const dim = input.shape[axis];
    if (!Number.isInteger(size) || size < 0 || (size === 0 && axis === batchAxis)) {
      throw new DataError(
        `The shape ${said} given for input "${input.name}" has a size that is not a whole number above 0.`,
      );
    }
    // The batch is ours to choose, whatever the user wrote there.
    if (axis !== batchAxis && !isOpen(dim) && dim !== size) {
      throw new DataError(
        `The shape ${said} given for input "${input.name}" contradicts the model, which has ${wanted}.`,
      );
    }
  });
}

/** The sample's own sizes: the shape without the batch axis. */
export function withoutBatch<T>(shape: readonly T[], batchAxis: number | null): T[] {
  return shape.filter((_, axis) => axis !== batchAxis);
}

/** `shape` with `count` samples on the batch axis. */
export function withBatch(
  shape: readonly (number | null)[],
  batchAxis: number | null,
  count: number,
): number[] {
  return shape.map((size, axis) => (axis === batchAxis ? count : size!));
}

/** "Nx3xHxW" style, with the model's own names where it has them; "a single number" for a scalar. */
export function describeShape(shape: readonly (Dimension | null)[], times = 'x'): string {
  if (shape.length === 0) return 'a single number';
  return shape
    .map((dim) => (dim === null || isOpen(dim) ? nameOf(dim ?? '') || '?' : String(dim)))
    .join(times);
}

/** For people: "image: float32, batch x 3 x 32 x 32" per input. */
export function describeInputs(inputs: readonly GraphInput[]): string[] {
  return inputs.map(
    (input) => `${input.name}: ${elemTypeName(input.elemType)}, ${describeShape(input.shape, ' x ')}`,
  );
}
