/** Weights kept in files next to the model (ONNX "external data"), read by offset, never whole. */
import { open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { ioError, OnnxError } from '../../common/fileErrors';
import { bodiesOf } from './attributes';
import {
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from './onnx_pb';

export interface ExternalRange {
  /** As the model gives it: relative to the model's folder. */
  location: string;
  offset: number;
  /** Bytes; null: to the end of the file. */
  length: number | null;
}

export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === DataLocation.EXTERNAL;
}

/** @throws OnnxError where the entries are missing or not numbers. */
function externalRange(tensor: TensorProto): ExternalRange {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  if (location === '') {
    throw new OnnxError(`The tensor "${tensor.name}" is stored outside the model but names no file.`);
  }
  const bytes = (key: string): number | null => {
    const text = entries.get(key);
    if (text === undefined) return null;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw new OnnxError(
        `The tensor "${tensor.name}" has the ${key} "${text}", which is not a number of bytes.`,
      );
    }
    return value;
  };
  return { location, offset: bytes('offset') ?? 0, length: bytes('length') };
}

/**
 * Folders that the weights of a model lie in, where that is not the model's: caches hold links to files that lie elsewhere
 * together, and ONNX Runtime follows a link only within its folder.
 */
const folders = new Map<string, string>();

/** The folder that the model's locations are relative to. */
export function weightsFolder(modelPath: string): string {
  return folders.get(modelPath) ?? dirname(modelPath);
}

/**
 * Makes the locations of a model that was read from `path` relative to the folder of its real file, where links lead its
 * weights there. Anything else is left as it is, to be refused when it is read.
 */
export async function followLinks(model: ModelProto, path: string): Promise<void> {
  folders.delete(path);
  const [folder, real] = [await realPathOf(dirname(path), path), dirname(await realPathOf(path, path))];
  if (folder === real) return;
  const found = new Map<string, string>();
  for (const tensor of allTensors(model)) {
    const location = isExternal(tensor) && tensor.externalData.find(({ key }) => key === 'location');
    if (!location) continue;
    let target = found.get(location.value);
    if (target === undefined) {
      target = await externalPath(path, location.value).catch(() => '');
      found.set(location.value, target);
    }
    if (!isInside(target, real) || isInside(target, folder)) continue;
    location.value = relative(real, target);
    folders.set(path, real);
  }
}

/** @throws OnnxError where the model has vanished meanwhile */
function realPathOf(path: string, model: string): Promise<string> {
  return realpath(path).catch((error: unknown) => {
    throw ioError(error, model, 'read');
  });
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/**
 * Path of an external file.
 * @throws OnnxError for a location outside the model's folder (absolute, through "..", or through a link), a missing
 * file, or anything that is not a plain file. A model that is itself a link may keep its data next to the real file.
 */
export async function externalPath(modelPath: string, location: string): Promise<string> {
  const outside = new OnnxError(
    `The model ${modelPath} keeps weights in "${location}", which lies outside its folder; move that file next to the model.`,
  );
  const parts = location.split(/[/\\]/);
  if (isAbsolute(location) || /^[a-zA-Z]:/.test(location) || parts[0] === '' || parts.includes('..'))
    throw outside;
  const path = join(weightsFolder(modelPath), ...parts);
  try {
    const real = await realpath(path);
    const allowed = [await realpath(dirname(modelPath)), dirname(await realpath(modelPath))];
    if (!allowed.some((folder) => isInside(real, folder))) throw outside;
    if (!(await stat(real)).isFile()) {
      throw new OnnxError(`The model ${modelPath} keeps weights in "${location}", which is not a file.`);
    }
    return real;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') {
      throw new OnnxError(
        `The model ${modelPath} keeps weights in "${location}", which is missing; put that file next to the model.`,
        { cause: error },
      );
    }
    throw ioError(error, path, 'read');
  }
}

/**
 * The tensor's bytes.
 * @param bytes what shape and type ask for
 * @throws OnnxError where the file holds fewer, or the model says another number.
 */
export async function readExternal(
  tensor: TensorProto,
  modelPath: string,
  bytes: number,
): Promise<Uint8Array> {
  const { location, offset, length } = externalRange(tensor);
  if (length !== null && length !== bytes) {
    throw new OnnxError(
      `The tensor "${tensor.name}" needs ${bytes} bytes for its shape, but the model ${modelPath} gives it ${length} of "${location}".`,
    );
  }
  const path = await externalPath(modelPath, location);
  try {
    const file = await open(path, 'r');
    try {
      // Compared before anything is allocated: a shape may claim terabytes.
      const { size } = await file.stat();
      if (offset + bytes > size) {
        throw new OnnxError(
          `The file ${path} ends before the weights of the tensor "${tensor.name}"; it may be truncated.`,
        );
      }
      const data = new Uint8Array(bytes);
      // One read call is limited to 2 GiB.
      for (let done = 0; done < bytes;) {
        const { bytesRead } = await file.read(data, done, Math.min(bytes - done, 1 << 30), offset + done);
        if (bytesRead === 0) throw new OnnxError(`The file ${path} was shortened while it was read.`);
        done += bytesRead;
      }
      return data;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioError(error, path, 'read');
  }
}

/** Every tensor of the model: initializers and attributes, those of bodies and model-local functions included. */
export function* allTensors(model: ModelProto): Generator<TensorProto> {
  const graphs: GraphProto[] = model.graph ? [model.graph] : [];
  const nodes: NodeProto[] = model.functions.flatMap(({ node }) => node);
  for (;;) {
    const node = nodes.pop();
    if (node) {
      for (const { t, tensors, sparseTensor } of node.attribute) {
        if (t) yield t;
        yield* tensors;
        if (sparseTensor) yield* parts(sparseTensor);
      }
      for (const body of bodiesOf(node)) graphs.push(body);
      continue;
    }
    const graph = graphs.pop();
    if (!graph) return;
    yield* graph.initializer;
    for (const sparse of graph.sparseInitializer) yield* parts(sparse);
    for (const each of graph.node) nodes.push(each);
  }
}

function parts({ values, indices }: SparseTensorProto): TensorProto[] {
  return [values, indices].filter((each) => each !== undefined);
}

/** Locations of the model's external files, sorted, each once. */
export function externalLocations(model: ModelProto): string[] {
  const locations = new Set<string>();
  for (const tensor of allTensors(model)) {
    if (isExternal(tensor)) locations.add(externalRange(tensor).location);
  }
  return [...locations].sort();
}
