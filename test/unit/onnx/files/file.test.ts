import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type * as fsPromises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { node, tensor, valueInfo } from '../../../../src/onnx/proto/build';
import { graphBody } from '../../../support/models/graphBody';
import { fingerprint, OnnxError, readModel } from '../../../../src/onnx/files/file';
import { draftModel } from '../../../../src/onnx/files/save';
import { findNetwork } from '../../../../src/onnx/network/functions';
import {
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
} from '../../../../src/onnx/proto/onnx_pb';
import { Random } from '../../../support/models/random';
import { thirdParty } from '../../../support/models/thirdparty';
import { resnet18, tinyCnn, transformer } from '../../../support/models/zoo';

/** While full, temporary files are opened as /dev/full, on which every write fails as on a full disk. */
const disk = vi.hoisted(() => ({ full: false }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fsPromises>();
  const open = async (path: string, flags: string) => {
    if (!disk.full || !/\.tmp($|[\\/])/.test(path)) return real.open(path, flags);
    await real.writeFile(path, '');
    return real.open('/dev/full', 'w');
  };
  return { ...real, open };
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ompq-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** As an export writes it. */
async function write(path: string, model: ModelProto): Promise<void> {
  await (await draftModel(path, model, path)).commit();
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OnnxError);
  const { message } = error as OnnxError;
  expect(message).toMatch(/^[^\n]+\.$/);
  return message;
}

describe('a round trip', () => {
  it.each(thirdParty.map(({ name, path }) => [name, path]))('keeps every byte of %s', async (_name, path) => {
    const out = join(folder, 'copy.onnx');
    await write(out, await readModel(path));
    expect(sha256(await readFile(out))).toBe(sha256(await readFile(path)));
  });

  it('keeps fields that we do not know, in order of their numbers', () => {
    // quantization_annotation (14) in the graph, training_info (20) in the model, both as bytes we never look into.
    const unknown = [0xa2, 0x01, 0x02, 0x08, 0x07];
    const bytes = Uint8Array.from([...toBinary(ModelProtoSchema, tinyCnn()), ...unknown]);
    const again = toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, bytes));
    expect(again).toEqual(bytes);
  });

  it('replaces a file in one step and leaves no temporary file', async () => {
    const inside = await mkdtemp(join(folder, 'write-'));
    const path = join(inside, 'm.onnx');
    await writeFile(path, 'old');
    await write(path, tinyCnn());
    expect(await readdir(inside)).toEqual(['m.onnx']);
    expect(findNetwork(await readModel(path)).functions).toHaveLength(4);
  });
});

describe('what cannot be read says so in one sentence', () => {
  async function messageFor(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    const message = await failure(readModel(path));
    expect(message).toContain(path);
    return message;
  }

  it('for files of other formats', async () => {
    expect(await messageFor('empty.onnx', '')).toMatch(/is empty/);
    expect(
      await messageFor('lfs.onnx', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
    ).toMatch(/git lfs pull/);
    expect(await messageFor('torch.onnx', 'PK\x03\x04whatever')).toMatch(/zip archive/);
    expect(await messageFor('page.onnx', '<!DOCTYPE html><html></html>')).toMatch(/web page/);
    expect(await messageFor('text.onnx', 'This is no model at all.\n')).toMatch(
      /not a readable ONNX|not an ONNX/,
    );
    expect(await messageFor('zeros.onnx', new Uint8Array(1000))).toMatch(/not a readable ONNX/);
    expect(await messageFor('noise.onnx', new Uint8Array(new Random(1).normals(1000).buffer))).toMatch(
      /ONNX/,
    );
    expect(
      await messageFor(
        'nograph.onnx',
        toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n })),
      ),
    ).toMatch(/no graph/);
    expect(
      await messageFor(
        'noopset.onnx',
        toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, graph: {} })),
      ),
    ).toMatch(/operator set/);
  });

  it('for missing files, folders and pipes', async () => {
    expect(await failure(readModel(join(folder, 'gone.onnx')))).toMatch(/gone\.onnx: it does not exist/);
    expect(await failure(readModel(folder))).toMatch(/it is a folder/);
    if (process.platform !== 'win32') {
      const pipe = join(folder, 'pipe.onnx');
      execFileSync('mkfifo', [pipe]);
      expect(await failure(readModel(pipe))).toMatch(/it is not a file/);
    }
  });

  it('for a file beyond 2 GB', async () => {
    const path = join(folder, 'huge.onnx');
    const handle = await open(path, 'w');
    await handle.truncate(2 ** 31 + 10);
    await handle.close();
    expect(await failure(readModel(path))).toMatch(/larger than 2 GB.*external data/);
    await rm(path);
  });

  it('wherever it is cut off', async () => {
    const whole = toBinary(ModelProtoSchema, tinyCnn());
    const path = join(folder, 'cut.onnx');
    for (let length = 1; length < whole.length; length += Math.ceil(whole.length / 60)) {
      await writeFile(path, whole.subarray(0, length));
      await failure(readModel(path));
    }
  });

  it('for bodies nested beyond reason', async () => {
    let body = graphBody('leaf', [node('Neg', ['x'], ['y'])], [], [valueInfo('y', 1, null)]);
    for (let depth = 0; depth < 60; depth++) {
      body = graphBody(
        `b${depth}`,
        [node('If', ['c'], ['y'], { then_branch: body })],
        [],
        [valueInfo('y', 1, null)],
      );
    }
    const model = create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph: body });
    const path = join(folder, 'nested.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, model));
    await failure(readModel(path));
  });
});

describe('what cannot be written says so, and leaves nothing behind', () => {
  it('in a folder that does not exist, or that is a file', async () => {
    expect(await failure(write(join(folder, 'nowhere', 'm.onnx'), tinyCnn()))).toMatch(
      /folder does not exist/,
    );
    await writeFile(join(folder, 'plain'), '');
    expect(await failure(write(join(folder, 'plain', 'm.onnx'), tinyCnn()))).toMatch(/Cannot write/);
  });

  it('in a read-only folder', async ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may write everywhere');
    const inside = join(folder, 'readonly');
    await mkdir(inside);
    await chmod(inside, 0o500);
    expect(await failure(write(join(inside, 'm.onnx'), tinyCnn()))).toMatch(/permission was denied/);
    await chmod(inside, 0o700);
  });

  it('on a full disk', async ({ skip }) => {
    if (!existsSync('/dev/full')) skip('no /dev/full here');
    const inside = await mkdtemp(join(folder, 'full-'));
    const path = join(inside, 'm.onnx');
    await writeFile(path, 'old');
    disk.full = true;
    try {
      expect(await failure(write(path, tinyCnn()))).toMatch(/m\.onnx: the disk is full/);
    } finally {
      disk.full = false;
    }
    expect(await readdir(inside)).toEqual(['m.onnx']);
    expect(await readFile(path, 'utf8')).toBe('old');
  });
});

describe('damaged files', () => {
  it.each([
    ['a small CNN', () => tinyCnn({ batchNorm: true })],
    ['a transformer', () => transformer()],
    ['ResNet-18', () => resnet18({ width: 0.02, size: 32 })],
  ])('never end in anything but a network or one sentence (%s)', (_name, make) => {
    const model = make();
    // Weights only take space here: the damage should fall on the structure.
    for (const initializer of model.graph!.initializer) {
      if (initializer.rawData.length > 64) initializer.rawData = new Uint8Array(4);
    }
    const bytes = toBinary(ModelProtoSchema, model);
    const random = new Random(7);
    let networks = 0;
    for (let round = 0; round < 400; round++) {
      const damaged = bytes.slice();
      for (let hit = 0; hit <= round % 4; hit++) damaged[random.int(damaged.length)] = random.int(256);
      let parsed;
      try {
        parsed = fromBinary(ModelProtoSchema, damaged);
      } catch {
        continue; // readModel's sentence, tested above
      }
      try {
        findNetwork(parsed, { granularity: 'block' });
        networks++;
      } catch (error) {
        expect(error).toBeInstanceOf(OnnxError);
      }
    }
    expect(networks).toBeGreaterThan(50);
  });
});

describe('the fingerprint', () => {
  it('is the plain SHA-256 of a model in one file', async () => {
    const path = join(folder, 'one.onnx');
    const model = tinyCnn();
    await writeFile(path, toBinary(ModelProtoSchema, model));
    const bytes = await readFile(path);
    expect(await fingerprint(path, model)).toEqual({ sha256: sha256(bytes), bytes: bytes.length });
  });

  it('covers external files once each, in the order of their names', async () => {
    const inside = await mkdtemp(join(folder, 'ext-'));
    const model = tinyCnn();
    for (const [index, location] of [
      ['0', 'b.bin'],
      ['2', 'a.bin'],
      ['4', 'b.bin'],
    ]) {
      const initializer = model.graph!.initializer[Number(index)];
      initializer.dataLocation = DataLocation.EXTERNAL;
      initializer.externalData.push(
        create(StringStringEntryProtoSchema, { key: 'location', value: location }),
      );
    }
    const path = join(inside, 'm.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, model));
    await writeFile(join(inside, 'a.bin'), 'AAAA');
    await writeFile(join(inside, 'b.bin'), 'BB');
    const whole = Buffer.concat([await readFile(path), Buffer.from('AAAABB')]);
    expect(await fingerprint(path, model)).toEqual({ sha256: sha256(whole), bytes: whole.length });
    await rm(join(inside, 'b.bin'));
    expect(await failure(fingerprint(path, model))).toMatch(/b\.bin", which is missing/);
    await symlink(join(folder, 'one.onnx'), join(inside, 'b.bin'));
    expect(await failure(fingerprint(path, model))).toMatch(/outside its folder/);
  });
});

it('tells a tensor that is no number of elements', () => {
  expect(() => tensor('t', [2, 2], new Float32Array(3))).toThrow(/\[2, 2\] is not 3/);
});
