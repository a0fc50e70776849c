/** Reading .onnx files. */
import { fromBinary } from '@bufbuild/protobuf';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { ioError, OnnxError } from '../../common/fileErrors';
import { externalLocations, externalPath, followLinks } from '../proto/external';
import { type ModelProto, ModelProtoSchema } from '../proto/onnx_pb';

export { OnnxError } from '../../common/fileErrors';

/** Protobuf counts bytes in a signed 32-bit integer. */
const LARGEST = 2 ** 31 - 1;

/**
 * A model, without its external weights. Fields that we do not know are kept and written back.
 * @throws OnnxError with one sentence for anything that is not a readable ONNX model.
 */
export async function readModel(path: string): Promise<ModelProto> {
  const bytes = await readBytes(path);
  if (bytes.length === 0) throw new OnnxError(`${path} is empty.`);
  const other = otherFormat(bytes);
  if (other) throw new OnnxError(`${path} is ${other}, not an ONNX model.`);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new OnnxError(
      `${path} is not a readable ONNX model: it is damaged, truncated or of another format.`,
      {
        cause: error,
      },
    );
  }
  if (!model.graph || model.irVersion < 1n) {
    throw new OnnxError(`${path} is not an ONNX model: it holds no graph.`);
  }
  if (model.irVersion >= 3n && model.opsetImport.length === 0) {
    throw new OnnxError(`${path} does not say which operator set it uses; it may be truncated.`);
  }
  await followLinks(model, path);
  return model;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    // Looked at before it is opened: opening a pipe would wait for ever.
    const found = await stat(path);
    if (!found.isFile()) {
      throw new OnnxError(`Cannot read ${path}: it is ${found.isDirectory() ? 'a folder' : 'not a file'}.`);
    }
    if (found.size > LARGEST) {
      throw new OnnxError(
        `${path} is larger than 2 GB, the most an ONNX file can be; save the model with external data and try again.`,
      );
    }
    const file = await open(path, 'r');
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioError(error, path, 'read');
  }
}

/** Files that people take for ONNX models, by their first bytes. */
function otherFormat(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1');
  if (head.startsWith('version https://git-lfs')) return 'a Git LFS pointer (run "git lfs pull")';
  if (head.slice(4, 8) === 'ORTM') return 'a model in ORT format';
  if (head.slice(4, 8) === 'TFL3') return 'a TensorFlow Lite model';
  if (head.startsWith('PK\x03\x04')) return 'a zip archive (a PyTorch checkpoint?)';
  if (head.startsWith('\x89HDF')) return 'an HDF5 file (a Keras model?)';
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(head)) return 'a web page';
  return null;
}

/** Identity and weight of a model on disk. */
export interface Fingerprint {
  /** SHA-256, hex, of the file followed by its external files in the order of their names. */
  sha256: string;
  /** Of all of them. */
  bytes: number;
}

/** Streams the files; a model without external data has the hash that sha256sum prints. */
export async function fingerprint(path: string, model: ModelProto): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const each of await filesOf(path, model)) {
    try {
      for await (const chunk of createReadStream(each) as AsyncIterable<Buffer>) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    } catch (error) {
      throw ioError(error, each, 'read');
    }
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Bytes of all its files. */
export async function bytesOnDisk(path: string, model: ModelProto): Promise<number> {
  const sizes = await Promise.all((await filesOf(path, model)).map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The model's file and those that hold its weights. */
async function filesOf(path: string, model: ModelProto): Promise<string[]> {
  const paths = [path];
  for (const location of externalLocations(model)) paths.push(await externalPath(path, location));
  return paths;
}
