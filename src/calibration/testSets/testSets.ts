/** Folders test_data_set_<n> with input_<i>.pb (TensorProto), as the ONNX model zoo ships them. */
import { fromBinary } from '@bufbuild/protobuf';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { product } from '../../onnx/proto/dims';
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from '../../onnx/proto/onnx_pb';
import { convert } from '../inputs/convert';
import { cannotRead, DataError } from '../inputs/errors';
import { describeShape, type InputSpec, withBatch } from '../inputs/inputShapes';
import { type Chosen, firstOf, type OpenContext, type Source, type Tensors } from '../inputs/source';
import { stackSamples, unstackSamples } from '../inputs/stack';
import { elemTypeName, makeData, type TensorData, typeOfElem } from '../inputs/tensorTypes';
import { tensorData } from './tensorProto';

/** The sets that a folder holds (absolute paths, by number), the folder itself where it is one; empty where neither. */
export async function findTestSets(folder: string): Promise<string[]> {
  const entries = await readdir(folder);
  if (entries.some((name) => /^input_\d+\.pb$/.test(name))) return [folder];
  return entries
    .filter((name) => /^test_data(_set)?_\d+$/.test(name))
    .sort((a, b) => numberIn(a) - numberIn(b))
    .map((name) => join(folder, name));
}

const numberIn = (name: string) => Number(/(\d+)(\.pb)?$/.exec(name)?.[1] ?? 0);

/** All samples of all inputs, in the model's types. */
interface SetData {
  count: number;
  /** Dims with one sample, per input. */
  shapes: number[][];
  /** Sample after sample, per input. */
  data: TensorData[];
}

/** @param folders as findTestSets gives them. */
export async function openTestSets(folder: string, folders: string[], context: OpenContext): Promise<Source> {
  const { specs } = context;
  const sets: SetData[] = [];
  let bytes = 0;
  for (const path of folders) {
    context.signal?.throwIfAborted();
    const set = await readSet(path, specs, context.maxBytes - bytes);
    bytes += set.data.reduce((sum, data) => sum + data.byteLength, 0);
    checkAgainst(sets[0], set, specs, [folders[0], path]);
    sets.push(set);
    context.progress(sets.length / folders.length);
  }
  const places = sets.flatMap((set) => Array.from({ length: set.count }, (_, row) => ({ set, row })));
  const shapes = sets[0].shapes;
  return {
    count: places.length,
    labels: null,
    classNames: null,
    noun: `samples in ${folders.length} ONNX test ${folders.length === 1 ? 'set' : 'sets'} in ${basename(folder)}/`,
    warnings: [],
    choose(order, wanted): Promise<Chosen> {
      const read = (indices: readonly number[]) => {
        const rows = indices.map((index) => places[index]);
        const tensors: Tensors = {};
        specs.forEach((spec, i) => {
          const shared = spec.batchAxis === null;
          const parts = (shared ? rows.slice(0, 1) : rows).map(({ set, row }) => {
            const length = product(shapes[i]);
            return shared ? set.data[i] : set.data[i].subarray(row * length, (row + 1) * length);
          });
          tensors[spec.name] = stackSamples(spec, shapes[i], concat(spec, parts), rows.length);
        });
        return Promise.resolve(tensors);
      };
      const named = Object.fromEntries(specs.map((spec, i) => [spec.name, shapes[i]]));
      return Promise.resolve(firstOf(order, wanted, named, read));
    },
  };
}

function concat(spec: InputSpec, parts: TensorData[]): TensorData {
  const out = makeData(
    spec.type,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    (out as Float32Array).set(part as Float32Array, at);
    at += part.length;
  }
  return out;
}

async function readSet(folder: string, specs: readonly InputSpec[], bytesLeft: number): Promise<SetData> {
  const tensors = await readTensors(folder, specs, bytesLeft);
  const set: SetData = { count: 1, shapes: [], data: [] };
  let batched = '';
  specs.forEach((spec, i) => {
    const { tensor, where } = tensors[i];
    const dims = tensor.dims.map(Number);
    const type = typeOfElem(tensor.dataType);
    if (!type)
      throw new DataError(
        `${where} is of type ${elemTypeName(tensor.dataType)}, which cannot be fed; remove the set.`,
      );
    const fits = dims.length === spec.shape.length && dims.every((size, axis) => fitsAxis(spec, axis, size));
    if (!fits) {
      throw new DataError(
        `${where} has shape ${describeShape(dims)}, but the model's input "${spec.name}" wants ${describeShape(spec.shape.map((size, axis) => size ?? spec.names[axis]))}; it belongs to another model.`,
      );
    }
    const stored = convert(tensorData(tensor, type, where), type, spec.type, where);
    const count = spec.batchAxis === null ? null : dims[spec.batchAxis];
    if (count !== null) {
      if (batched !== '' && count !== set.count) {
        throw new DataError(
          `${folder} has ${set.count} samples for "${batched}" and ${count} for "${spec.name}"; remove the set or make them agree.`,
        );
      }
      batched = spec.name;
      set.count = count;
    }
    set.shapes.push(withBatch(dims, spec.batchAxis, 1));
    set.data.push(unstackSamples(dims, spec.batchAxis, stored, (length) => makeData(spec.type, length)));
  });
  return set;
}

/** The batch of a set is its own; every other size is the model's. */
function fitsAxis(spec: InputSpec, axis: number, size: number): boolean {
  return axis === spec.batchAxis ? size > 0 : spec.shape[axis] === null || spec.shape[axis] === size;
}

interface NamedTensor {
  tensor: TensorProto;
  where: string;
}

/** One tensor per input: by the names in the tensors where all are inputs of the model, else by the files' numbers. */
async function readTensors(
  folder: string,
  specs: readonly InputSpec[],
  bytesLeft: number,
): Promise<NamedTensor[]> {
  const label = basename(folder);
  const files = (await readdir(folder)).filter((name) => /^input_\d+\.pb$/.test(name));
  files.sort((a, b) => numberIn(a) - numberIn(b));
  if (files.length !== specs.length) {
    throw new DataError(
      `${folder} has ${files.length} files input_*.pb, but the model has ${specs.length} inputs (${specs.map((s) => s.name).join(', ')}); one file per input is needed.`,
    );
  }
  const tensors: NamedTensor[] = [];
  for (const name of files) {
    tensors.push({ tensor: await readTensor(join(folder, name), bytesLeft), where: `${label}/${name}` });
  }
  const byName = specs.map((spec) => tensors.find(({ tensor }) => tensor.name === spec.name));
  return byName.every((tensor) => tensor !== undefined) ? byName : tensors;
}

async function readTensor(path: string, bytesLeft: number): Promise<TensorProto> {
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > bytesLeft) {
      throw new DataError(`${path} takes more memory than the limit allows; give fewer test sets or a .npz.`);
    }
    bytes = await readFile(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
  let tensor: TensorProto;
  try {
    tensor = fromBinary(TensorProtoSchema, bytes);
  } catch {
    throw new DataError(`${path} is damaged or no ONNX tensor; remove the set or write the file again.`);
  }
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL || tensor.externalData.length > 0) {
    throw new DataError(
      `${path} keeps its data in another file, which is not followed; write the data into it.`,
    );
  }
  return tensor;
}

function checkAgainst(
  first: SetData | undefined,
  set: SetData,
  specs: readonly InputSpec[],
  paths: string[],
): void {
  if (!first) return;
  const batchedModel = specs.some((spec) => spec.batchAxis !== null);
  specs.forEach((spec, i) => {
    if (first.shapes[i].join() !== set.shapes[i].join()) {
      throw new DataError(
        `Input "${spec.name}" has shape ${describeShape(first.shapes[i])} in ${basename(paths[0])} and ${describeShape(set.shapes[i])} in ${basename(paths[1])}; samples are compared with one another, so give sets of one shape.`,
      );
    }
    const same = () => set.data[i].every((value: number | bigint, at: number) => value === first.data[i][at]);
    if (batchedModel && spec.batchAxis === null && !same()) {
      throw new DataError(
        `Input "${spec.name}" has one value for a whole batch, but differs between ${basename(paths[0])} and ${basename(paths[1])}; give sets that share it.`,
      );
    }
  });
}
