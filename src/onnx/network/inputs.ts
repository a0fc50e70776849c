/** Inputs and outputs of a model, and the shapes that its inputs are looked at with. */
import { OnnxError } from '../../common/fileErrors';
import type { Dimension } from '../proto/dims';
import type { ValueInfoProto } from '../proto/onnx_pb';
import { declaredShape } from '../shapes/inferShapes';
import type { GraphInput } from './network';

export function describeTensor(info: ValueInfoProto): GraphInput {
  const type = info.type?.value;
  return {
    name: info.name,
    elemType: type?.case === 'tensorType' ? type.value.elemType : 0,
    shape: declaredShape(info) ?? [],
  };
}

export function withVocabulary(input: GraphInput, rows: ReadonlyMap<string, number>): GraphInput {
  const vocabulary = rows.get(input.name);
  return vocabulary === undefined ? input : { ...input, vocabulary };
}

/** @throws OnnxError for shapes that do not fit the inputs, or are of none */
export function checkShapes(
  inputs: readonly ValueInfoProto[],
  given: Readonly<Record<string, readonly number[]>>,
): void {
  for (const [name, shape] of Object.entries(given)) {
    const input = inputs.find((each) => each.name === name);
    if (!input) {
      const names = inputs.map((each) => `"${each.name}"`).join(', ');
      throw new OnnxError(`The model has no input "${name}" to give a shape to; its inputs are ${names}.`);
    }
    const declared = declaredShape(input);
    const fits =
      shape.every((dim) => Number.isSafeInteger(dim) && dim > 0) &&
      (!declared ||
        (declared.length === shape.length &&
          declared.every((dim, axis) => typeof dim === 'string' || dim === shape[axis])));
    if (!fits) {
      const wanted = declared ? declared.map((dim) => (dim === '' ? '?' : dim)).join('x') : 'any';
      throw new OnnxError(
        `The input "${name}" has the shape ${wanted}, which ${shape.join('x')} does not fit.`,
      );
    }
  }
}

/**
 * Input shapes for one sample: where the batch (the first input's first dimension) is open it becomes 1; where it is
 * fixed it stays, and is given back.
 */
export function oneSample(
  inputs: readonly ValueInfoProto[],
  given: Readonly<Record<string, readonly number[]>>,
): { shapes: Record<string, Dimension[]>; batch: number } {
  const shapes: Record<string, Dimension[]> = {};
  for (const input of inputs) {
    const shape = Object.hasOwn(given, input.name) ? [...given[input.name]] : declaredShape(input);
    if (shape) shapes[input.name] = shape;
  }
  const first = inputs.length > 0 ? (shapes[inputs[0].name] ?? []) : [];
  const batch = first.length > 1 ? first[0] : 1;
  if (typeof batch === 'number') return { shapes, batch: Math.max(1, batch) };
  for (const shape of Object.values(shapes)) {
    shape.forEach((dim, axis) => {
      if (typeof dim === 'string' && (axis === 0 || (dim !== '' && dim === batch))) shape[axis] = 1;
    });
  }
  return { shapes, batch: 1 };
}

/** Stands in for open heights and widths where only ratios between layers matter. */
const NOMINAL_SIZE = 256;

/** With a size for everything that is open. */
export function withNominalSizes(
  shapes: Readonly<Record<string, readonly Dimension[]>>,
): Record<string, Dimension[]> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      shape.map((dim) => (typeof dim === 'number' ? dim : NOMINAL_SIZE)),
    ]),
  );
}
