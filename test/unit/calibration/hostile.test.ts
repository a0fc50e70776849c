import { create, toBinary } from '@bufbuild/protobuf';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/calibration/open';
import { seededRandom } from '../../../src/common/random';
import { TensorProtoSchema } from '../../../src/onnx/proto/onnx_pb';
import { dataSpec, failure, FLOAT, input, npy, picture, put, temporaryFolder } from './files';
import { numpyFile } from './numpy/numpyFiles';

const root = await temporaryFolder();
const x = input('x', ['N', 2, 2]);
const messageFor = async (name: string, bytes: Uint8Array, model = x, options = {}) => {
  const path = await put(join(root, name), bytes);
  const error = await failure(openDataset(dataSpec(path), [model], options));
  expect(error.name).toBe('DataError');
  return error.message;
};
/** The zip's own record of the unpacked size, in its directory. */
function withDeclaredSize(zip: Uint8Array, size: number): Buffer {
  const bytes = Buffer.from(zip);
  const directory = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  bytes.writeUInt32LE(size, directory + 24);
  return bytes;
}

describe('.npy that lies', () => {
  const data = new Float32Array(12);
  it.each<[string, Buffer, RegExp]>([
    [
      'more than is there',
      npy('<f4', [4, 2, 2], data),
      /header promises 4x2x2 elements of float32, but 48 bytes of data/,
    ],
    ['less than is there', npy('<f4', [2, 2, 2], data), /header promises 2x2x2/],
    ['far more', npy('<f4', [9007199254740991, 2, 2], data), /header promises 9007199254740991x2x2/],
    [
      'a negative size',
      npy('', [], data, "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2, 2), }"),
      /damaged .npy header/,
    ],
    ['no dict', npy('', [], data, '__import__("os").system("x")'), /damaged .npy header/],
    ['missing keys', npy('', [], data, "{'descr': '<f4'}"), /damaged .npy header/],
    [
      'a key that is in every object',
      npy('', [], data, "{'__proto__': '<f4', 'constructor': True}"),
      /damaged .npy header/,
    ],
    ['an open dict', npy('', [], data, "{'descr': '<f4', 'shape': (3, 2"), /damaged .npy header/],
  ])('%s', async (name, bytes, message) => {
    expect(await messageFor(`${name.replaceAll(' ', '')}.npy`, bytes)).toMatch(message);
  });

  it('a header longer than the file, an unknown version, no magic, nothing', async () => {
    const long = numpyFile('version2');
    long.writeUInt32LE(0xffffffff, 8);
    expect(await messageFor('long.npy', long)).toMatch(/damaged .npy header/);
    const version = numpyFile('f4');
    version[6] = 9;
    expect(await messageFor('version.npy', version)).toMatch(/\.npy version 9, which is not known/);
    expect(await messageFor('magic.npy', Buffer.from('hello, world'))).toMatch(/not in NumPy's \.npy format/);
    expect(await messageFor('nothing.npy', Buffer.alloc(0))).toMatch(/not in NumPy's \.npy format/);
  });
});

describe('.npz that lies', () => {
  /** 40 MB of zeros in 40 KB. */
  const bomb = () => zipSync({ 'x.npy': npy('<f4', [2_500_000, 2, 2], new Float32Array(10_000_000)) });

  it('a bomb is refused by its declared size, before it is unpacked', async () => {
    const message = await messageFor('bomb.npz', bomb(), x, { maxBytes: 1e6 });
    expect(message).toMatch(/"x" of bomb\.npz unpacks to 40000128 bytes, more than the limit of 1000000/);
  });

  it('a bomb within the limit takes memory for the chosen samples only', async () => {
    const path = await put(join(root, 'within.npz'), bomb());
    const before = process.memoryUsage().arrayBuffers;
    const data = await openDataset(dataSpec(path, { samples: 8 }), [x]);
    expect((await data.read(0, 8)).x.dims).toEqual([8, 2, 2]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20e6);
  });

  it('a bomb that declares less than it holds stops there', async () => {
    const file = withDeclaredSize(bomb(), 128 + 48);
    expect(await messageFor('small.npz', file)).toMatch(/promises 2500000x2x2 elements|cannot be unpacked/);
    const honest = npy('<f4', [3, 2, 2], new Float32Array(12));
    const padded = Buffer.concat([honest, Buffer.alloc(5e6)]);
    const lying = withDeclaredSize(zipSync({ 'x.npy': padded }), honest.length);
    expect(await messageFor('padded.npz', lying)).toMatch(/cannot be unpacked: too many bytes/);
  });

  it('one that declares more than it holds', async () => {
    const file = withDeclaredSize(zipSync({ 'x.npy': npy('<f4', [3, 2, 2], new Float32Array(6)) }), 128 + 48);
    expect(await messageFor('short.npz', file)).toMatch(/cannot be unpacked/);
  });

  it('no zip, half a zip, an encrypted entry, the same name twice, pickles inside', async () => {
    expect(await messageFor('no.npz', Buffer.from('no zip at all, just text'))).toMatch(
      /is not a valid \.npz file/,
    );
    const whole = numpyFile('npz');
    expect(await messageFor('half.npz', whole.subarray(0, whole.length / 2))).toMatch(
      /is not a valid \.npz file/,
    );
    const encrypted = Buffer.from(whole);
    const directory = encrypted.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
    encrypted.writeUInt16LE(encrypted.readUInt16LE(directory + 8) | 1, directory + 8);
    expect(await messageFor('encrypted.npz', encrypted)).toMatch(/encrypted/);
    const twice = Buffer.from(zipSync({ 'x.npy': numpyFile('f4'), 'y.npy': numpyFile('f4') }));
    for (let at = twice.indexOf('y.npy'); at !== -1; at = twice.indexOf('y.npy')) twice.write('x.npy', at);
    expect(await messageFor('twice.npz', twice)).toMatch(/two arrays named "x"/);
    expect(await messageFor('pickled.npz', zipSync({ 'x.npy': numpyFile('objects') }))).toMatch(
      /pickled Python objects/,
    );
  });
});

describe('mutated files', async () => {
  /** Bytes changed, cut out, doubled or lost at the end. */
  function mutate(bytes: Uint8Array, seed: number): Buffer {
    const random = seededRandom('mutate', seed);
    let out = Buffer.from(bytes);
    for (let i = 0; i <= random.below(4); i++) {
      const at = random.below(out.length);
      const kind = random.below(6);
      if (kind < 3) out[at] = random.below(256);
      else if (kind === 3) out = out.subarray(0, at + 1);
      else if (kind === 4) out = Buffer.concat([out.subarray(0, at), out.subarray(at + random.below(16))]);
      else out = Buffer.concat([out.subarray(0, at), out.subarray(Math.max(at - 20, 0))]);
      if (out.length === 0) out = Buffer.from([0]);
    }
    return Buffer.from(out);
  }

  const tensor = toBinary(
    TensorProtoSchema,
    create(TensorProtoSchema, {
      name: 'x',
      dims: [3n, 2n, 2n],
      dataType: FLOAT,
      floatData: Array(12).fill(1),
    }),
  );
  const png = await picture(9, 9, (y, x_, c) => (y * x_ * 7 + c * 40) % 256)
    .png()
    .toBuffer();
  const jpg = await picture(9, 9, (y, x_, c) => (y * x_ * 7 + c * 40) % 256)
    .jpeg()
    .toBuffer();
  const csv = 'file,label\na.png,"1"\nb.png,2\n';
  const kinds: Record<string, (bytes: (whole: Uint8Array) => Uint8Array) => Record<string, Uint8Array>> = {
    npy: (m) => ({ 'x.npy': m(numpyFile('f4')) }),
    npz: (m) => ({ 'x.npz': m(numpyFile('npz')) }),
    'compressed npz': (m) => ({ 'x.npz': m(numpyFile('npzCompressed')) }),
    pb: (m) => ({ 'test_data_set_0/input_0.pb': m(tensor) }),
    png: (m) => ({ 'a.png': m(png), 'b.png': png }),
    jpg: (m) => ({ 'a.jpg': m(jpg) }),
    csv: (m) => ({ 'a.png': png, 'b.png': png, 'labels.csv': m(Buffer.from(csv)) }),
  };

  it.each(Object.keys(kinds))('%s: an answer or one sentence, never anything else', async (kind) => {
    const pictures = ['png', 'jpg', 'csv'].includes(kind);
    const model = pictures ? input('x', ['N', 3, 8, 8]) : x;
    const outcomes = { read: 0, refused: 0 };
    for (let seed = 0; seed < 80; seed++) {
      const folder = join(root, `mutated ${kind}`);
      await mkdir(folder, { recursive: true });
      const files = kinds[kind]((whole) => mutate(whole, seed));
      for (const [name, bytes] of Object.entries(files)) await put(join(folder, name), bytes);
      const [first] = Object.keys(files);
      const path = first.startsWith('x.') ? join(folder, first) : folder;
      try {
        const data = await openDataset(dataSpec(path), [model], { maxBytes: 1e7 });
        await data.read(0, data.size);
        await data.close();
        outcomes.read++;
      } catch (error) {
        expect((error as Error).name, `seed ${seed}: ${(error as Error).stack}`).toBe('DataError');
        expect((error as Error).message).not.toContain('\n');
        outcomes.refused++;
      }
      await rm(folder, { recursive: true });
    }
    expect(outcomes.read + outcomes.refused).toBe(80);
    // Both must happen, or the mutations would prove nothing.
    expect(outcomes.read).toBeGreaterThan(0);
    if (kind !== 'png' && kind !== 'csv') expect(outcomes.refused).toBeGreaterThan(0);
  });
});
