/** Inputs that the user has given one value: they are fed beside whatever the data hold. */
import type { GraphInput } from '../../onnx/network/network';
import { product } from '../../onnx/proto/dims';
import { convert } from './convert';
import { DataError } from './errors';
import { type InputSpec, withBatch } from './inputShapes';
import { fillOpenSizes } from './openSizes';
import type { Source, Tensors } from './source';
import { makeData, makeTensor, TYPES } from './tensorTypes';

/** @throws DataError for an input that the model does not have */
export function checkFixed(inputs: readonly GraphInput[], values: Readonly<Record<string, number>>): void {
  for (const name of Object.keys(values)) {
    if (inputs.some((input) => input.name === name)) continue;
    const names = inputs.map((input) => input.name).join(', ');
    throw new DataError(`The model has no input "${name}" to give a value to; its inputs are: ${names}.`);
  }
}

/** The value in the input's type. @throws DataError where it does not fit */
export function fixedValue({ name, type }: InputSpec, value: number): number | bigint {
  const { min, max } = TYPES[type];
  const fits =
    min === undefined ? Number.isFinite(value) : Number.isInteger(value) && value >= min && value <= max!;
  if (!fits) {
    throw new DataError(`Input "${name}" is of type ${type} and cannot have the value ${value}.`);
  }
  return convert(Float64Array.of(value), 'float64', type, `The value of input "${name}"`)[0];
}

/** The source with these inputs added to every block it gives. @throws DataError */
export function withFixed(
  source: Source,
  fixed: readonly InputSpec[],
  values: Readonly<Record<string, number>>,
): Source {
  if (fixed.length === 0) return source;
  const shapes = fillOpenSizes(fixed);
  const elements = fixed.map((spec) => fixedValue(spec, values[spec.name]));
  const tensors = (count: number): Tensors =>
    Object.fromEntries(
      fixed.map((spec, i) => {
        const dims = withBatch(shapes[i], spec.batchAxis, count);
        const data = makeData(spec.type, product(dims)) as Float32Array;
        return [spec.name, makeTensor(spec.type, data.fill(elements[i] as number), dims)];
      }),
    );
  return {
    ...source,
    async choose(order, wanted) {
      const chosen = await source.choose(order, wanted);
      return {
        ...chosen,
        shapes: { ...chosen.shapes, ...Object.fromEntries(fixed.map(({ name }, i) => [name, shapes[i]])) },
        read: async (start, count) => ({ ...(await chosen.read(start, count)), ...tensors(count) }),
        close: () => chosen.close(),
      };
    },
  };
}
