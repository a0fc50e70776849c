import { create } from '@bufbuild/protobuf';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxError } from '../../../../src/common/fileErrors';
import { tensor } from '../../../../src/onnx/proto/build';
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type TensorProto,
  TensorProtoSchema,
} from '../../../../src/onnx/proto/onnx_pb';
import { dimsOf, elementCount, readFloats, smallValues, typeName } from '../../../../src/onnx/proto/tensors';

const values = async (proto: TensorProto, model = '/nowhere/m.onnx') => [...(await readFloats(proto, model))];

describe('weights inside the file', () => {
  it('come from raw_data of every type', async () => {
    expect(await values(tensor('t', [2, 2], Float32Array.of(1, -2.5, 3, 1e-3)))).toEqual([
      1,
      -2.5,
      3,
      Math.fround(1e-3),
    ]);
    expect(await values(tensor('t', [2], Float64Array.of(0.5, -1e10)))).toEqual([0.5, -1e10]);
    expect(await values(tensor('t', [3], Int8Array.of(-128, 0, 127)))).toEqual([-128, 0, 127]);
    expect(await values(tensor('t', [2], Uint8Array.of(0, 255)))).toEqual([0, 255]);
    expect(await values(tensor('t', [2], Int16Array.of(-32768, 5)))).toEqual([-32768, 5]);
    expect(await values(tensor('t', [2], Int32Array.of(-70000, 70000)))).toEqual([-70000, 70000]);
    expect(await values(tensor('t', [2], BigInt64Array.of(-7n, 1n << 40n)))).toEqual([-7, 2 ** 40]);
    expect(await values(tensor('t', [1], BigUint64Array.of(9n)))).toEqual([9]);
    // 1, -2, 65504, the smallest subnormal, -infinity.
    const half = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0xfc00);
    expect(await values(tensor('t', [5], half, DataType.FLOAT16))).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      -Infinity,
    ]);
    // 1, -3.140625 (the upper half of pi's float32), the largest.
    const brain = Uint16Array.of(0x3f80, 0xc049, 0x7f7f);
    expect(await values(tensor('t', [3], brain, DataType.BFLOAT16))).toEqual([
      1, -3.140625, 3.3895313892515355e38,
    ]);
  });

  it('come from an odd address', async () => {
    const bytes = new Uint8Array(9);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    const proto = create(TensorProtoSchema, {
      dims: [2n],
      dataType: DataType.FLOAT,
      rawData: bytes.subarray(1),
    });
    expect(await values(proto)).toEqual([1.5, -2]);
  });

  it('come from the typed fields', async () => {
    const make = (dataType: DataType, fields: object) =>
      create(TensorProtoSchema, { name: 't', dims: [2n], dataType, ...fields });
    expect(await values(make(DataType.FLOAT, { floatData: [1.5, -2] }))).toEqual([1.5, -2]);
    expect(await values(make(DataType.DOUBLE, { doubleData: [0.25, 3] }))).toEqual([0.25, 3]);
    expect(await values(make(DataType.FLOAT16, { int32Data: [0x3c00, 0xc000] }))).toEqual([1, -2]);
    expect(await values(make(DataType.BFLOAT16, { int32Data: [0x3f80, 0xc000] }))).toEqual([1, -2]);
    expect(await values(make(DataType.INT8, { int32Data: [-3, 4] }))).toEqual([-3, 4]);
    expect(await values(make(DataType.INT64, { int64Data: [-3n, 4n] }))).toEqual([-3, 4]);
    expect(await values(make(DataType.UINT32, { uint64Data: [3n, 4n] }))).toEqual([3, 4]);
  });

  it('of no axes are one value; of an empty axis none', async () => {
    expect(elementCount(tensor('s', [], Float32Array.of(4)))).toBe(1);
    expect(await values(tensor('e', [0, 3], new Float32Array(0)))).toEqual([]);
  });

  it('that contradict their shape are refused in one sentence', async () => {
    const wrong = create(TensorProtoSchema, {
      name: 'w',
      dims: [3n],
      dataType: DataType.FLOAT,
      floatData: [1],
    });
    await expect(readFloats(wrong, 'm')).rejects.toThrow(
      'The tensor "w" has the shape [3] but holds 1 values.',
    );
    const torn = create(TensorProtoSchema, {
      name: 'w',
      dims: [1n],
      dataType: DataType.FLOAT,
      rawData: new Uint8Array(3),
    });
    await expect(readFloats(torn, 'm')).rejects.toThrow(OnnxError);
    const absurd = create(TensorProtoSchema, {
      name: 'w',
      dims: [1n << 40n, 1n << 40n],
      dataType: DataType.FLOAT,
    });
    await expect(readFloats(absurd, 'm')).rejects.toThrow(/impossible shape/);
    expect(() => dimsOf(create(TensorProtoSchema, { name: 'w', dims: [-1n] }))).toThrow(/impossible shape/);
    const text = create(TensorProtoSchema, { name: 'w', dims: [1n], dataType: DataType.STRING });
    await expect(readFloats(text, 'm')).rejects.toThrow(
      'The tensor "w" holds values of string, which cannot be read.',
    );
    const newer = create(TensorProtoSchema, { name: 'w', dims: [1n], dataType: 99 });
    await expect(readFloats(newer, 'm')).rejects.toThrow(/type 99/);
    expect(typeName(DataType.FLOAT16)).toBe('float16');
  });

  it('that are few can be asked for at once', () => {
    expect(smallValues(tensor('t', [2], BigInt64Array.of(1n, -1n)))).toEqual([1, -1]);
    expect(smallValues(tensor('t', [3], new Float32Array(3)), 2)).toBeNull();
    expect(smallValues(create(TensorProtoSchema, { dims: [3n], dataType: DataType.INT64 }))).toBeNull();
  });
});

describe('weights in a file next to the model', () => {
  let folder: string;
  let model: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ompq-external-'));
    await mkdir(join(folder, 'models', 'sub'), { recursive: true });
    model = join(folder, 'models', 'm.onnx');
    await writeFile(model, '');
    const bytes = new Uint8Array(Float32Array.from({ length: 10 }, (_, i) => i).buffer);
    for (const name of ['models/w.bin', 'models/sub/w.bin', 'secret.bin'])
      await writeFile(join(folder, name), bytes);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const external = (entries: Record<string, string>, dims = [3n]) =>
    create(TensorProtoSchema, {
      name: 'w',
      dims,
      dataType: DataType.FLOAT,
      dataLocation: DataLocation.EXTERNAL,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    });

  it('are read by offset and length', async () => {
    expect(await values(external({ location: 'w.bin', offset: '8', length: '12' }), model)).toEqual([
      2, 3, 4,
    ]);
    expect(await values(external({ location: 'w.bin' }), model)).toEqual([0, 1, 2]);
    expect(await values(external({ location: 'sub/w.bin', offset: '28' }), model)).toEqual([7, 8, 9]);
    expect(await values(external({ location: './w.bin', offset: '0' }), model)).toEqual([0, 1, 2]);
  });

  it('are read when the model is a link to a file in another folder, with its data there', async () => {
    const link = join(folder, 'link.onnx');
    await symlink(model, link);
    await symlink(join(folder, 'models', 'w.bin'), join(folder, 'w.bin'));
    expect(await values(external({ location: 'w.bin' }), link)).toEqual([0, 1, 2]);
  });

  it('are refused outside the folder', async () => {
    await symlink(join(folder, 'secret.bin'), join(folder, 'models', 'link.bin'));
    await symlink(folder, join(folder, 'models', 'linked'));
    const outside = [
      '../secret.bin',
      'sub/../../secret.bin',
      join(folder, 'secret.bin'),
      '/etc/passwd',
      'C:\\w.bin',
      '..\\secret.bin',
      '\\\\host\\share\\w.bin',
      'link.bin',
      'linked/secret.bin',
    ];
    for (const location of outside) {
      await expect(readFloats(external({ location }), model), location).rejects.toThrow(/outside its folder/);
    }
  });

  it('are refused with a sentence where the file does not hold them', async () => {
    const bad: [Record<string, string>, RegExp][] = [
      [{ location: 'none.bin' }, /missing; put that file next to the model/],
      [{ location: 'sub' }, /not a file/],
      [{ location: 'w.bin', offset: '32' }, /ends before the weights/],
      [{ location: 'w.bin', length: '8' }, /needs 12 bytes for its shape.*gives it 8/],
      [{ location: 'w.bin', offset: '-4' }, /not a number of bytes/],
      [{ location: 'w.bin', offset: '1e3' }, /not a number of bytes/],
      [{ location: 'w.bin', offset: '99999999999999999999' }, /not a number of bytes/],
      [{ offset: '0' }, /names no file/],
    ];
    for (const [entries, message] of bad)
      await expect(readFloats(external(entries), model)).rejects.toThrow(message);
    // A shape that claims terabytes must not be allocated.
    await expect(readFloats(external({ location: 'w.bin' }, [1n << 40n]), model)).rejects.toThrow(
      /ends before/,
    );
    expect(smallValues(external({ location: 'w.bin' }))).toBeNull();
  });
});
