/** Writing a new model file so that it can be tried before it takes its place, and leaves nothing behind if it fails. */
import { create, toBinary } from '@bufbuild/protobuf';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ioError } from '../../common/fileErrors';
import { createTemporary, releaseTemporary, removeStale } from '../../common/temporaryFiles';
import { editBodies } from '../graph/bodies';
import { wholeTensorBytes } from '../packing/weights';
import { allBodies } from '../proto/attributes';
import { isExternal, readExternal } from '../proto/external';
import {
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { elementBytes, elementCount } from '../proto/tensors';

/** Above this, tensors go into a file of their own: Protobuf ends at 2 GiB. */
const LARGEST = 2 ** 31 - 2 ** 20;

/** Tensors that are worth a place in the external file. */
const WORTH_MOVING = 1024;

/** A written file that is not yet in its place. */
export interface Draft {
  /** Where it can be loaded from; external data lies next to it. */
  path: string;
  /** Of all its files. */
  bytes: number;
  /** Moves it to where it belongs, over what may be there. */
  commit(): Promise<void>;
  /** Removes it; after commit, nothing. */
  discard(): Promise<void>;
}

/**
 * Writes `model` into a new folder next to `path`. Tensors that `model` keeps in files next to `source` are taken in;
 * where the file would pass `largest` bytes they and all large ones go to <path>.data.
 * @throws OnnxError with one sentence (disk full, folder not writable, external file missing)
 */
export async function draftModel(
  path: string,
  model: ModelProto,
  source: string,
  largest = LARGEST,
): Promise<Draft> {
  await removeStale(dirname(path));
  const folder = createTemporary(dirname(path));
  const discard = async () => {
    // What was wrong before is worth more than that this fails, too.
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    releaseTemporary(folder);
  };
  const names = [basename(path)];
  try {
    await mkdir(folder, { mode: 0o700 });
    const tensors = model.graph!.initializer;
    const total = tensors.reduce((sum, tensor) => sum + wholeTensorBytes(tensor), 0);
    let initializer: TensorProto[];
    if (total > largest) {
      const data = `${basename(path)}.data`;
      initializer = await moveOut(tensors, join(folder, data), source);
      names.unshift(data);
    } else {
      initializer = [];
      for (const tensor of tensors) initializer.push(await takeIn(tensor, source));
    }
    const edits = await bodiesTakenIn(model.graph!, source);
    const graph = editBodies(shallowCopy(GraphProtoSchema, model.graph!, { initializer }), edits);
    const bytes = toBinary(ModelProtoSchema, shallowCopy(ModelProtoSchema, model, { graph }));
    const file = await open(join(folder, basename(path)), 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    let size = 0;
    for (const name of names) size += (await stat(join(folder, name))).size;
    return {
      path: join(folder, basename(path)),
      bytes: size,
      commit: () => moveAll(names, folder, path, discard),
      discard,
    };
  } catch (error) {
    await discard();
    throw ioError(error, path, 'write');
  }
}

async function moveAll(
  names: string[],
  folder: string,
  path: string,
  discard: () => Promise<void>,
): Promise<void> {
  try {
    // The data first: the model never stands there without it.
    for (const name of names) await rename(join(folder, name), join(dirname(path), name));
  } catch (error) {
    throw ioError(error, path, 'write');
  } finally {
    await discard();
  }
}

/** Bodies keep all their tensors inside: how each is changed that does not. */
async function bodiesTakenIn(graph: GraphProto, source: string) {
  const edits = new Map<GraphProto, (body: GraphProto) => GraphProto>();
  for (const body of allBodies(graph)) {
    if (!body.initializer.some(isExternal)) continue;
    const initializer: TensorProto[] = [];
    for (const tensor of body.initializer) initializer.push(await takeIn(tensor, source));
    edits.set(body, (before) => shallowCopy(GraphProtoSchema, before, { initializer }));
  }
  return edits;
}

async function takeIn(tensor: TensorProto, source: string): Promise<TensorProto> {
  if (!isExternal(tensor)) return tensor;
  const rawData = await readExternal(tensor, source, dataBytes(tensor));
  return shallowCopy(TensorProtoSchema, tensor, { rawData, externalData: [], dataLocation: undefined });
}

async function moveOut(tensors: TensorProto[], path: string, source: string): Promise<TensorProto[]> {
  const file = await open(path, 'wx');
  try {
    let offset = 0;
    const moved: TensorProto[] = [];
    for (const tensor of tensors) {
      const whole = await takeIn(tensor, source);
      if (whole.rawData.length < WORTH_MOVING) {
        moved.push(whole);
        continue;
      }
      await writeAll(file, whole.rawData);
      const entry = (key: string, value: number | string) =>
        create(StringStringEntryProtoSchema, { key, value: String(value) });
      moved.push(
        shallowCopy(TensorProtoSchema, whole, {
          rawData: undefined,
          dataLocation: DataLocation.EXTERNAL,
          externalData: [
            entry('location', basename(path)),
            entry('offset', offset),
            entry('length', whole.rawData.length),
          ],
        }),
      );
      offset += whole.rawData.length;
    }
    await file.sync();
    return moved;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, Math.min(bytes.length - done, 1 << 30))).bytesWritten;
  }
}

function dataBytes(tensor: TensorProto): number {
  return elementCount(tensor) * elementBytes(tensor);
}
