import { describe, expect, it } from 'vitest';
import { int64s, node, valueInfo } from '../../../src/onnx/proto/build';
import { graphBody } from '../../support/models/graphBody';
import { Graph } from '../../../src/onnx/graph/graph';
import { TensorProto_DataType as DataType } from '../../../src/onnx/proto/onnx_pb';
import { vocabularies } from '../../../src/onnx/network/vocabulary';
import { ModelBuilder } from '../../support/models/builder';

const found = (b: ModelBuilder) => Object.fromEntries(vocabularies(new Graph(b.graph)));
const table = (b: ModelBuilder, name: string, rows: number, columns = 4) =>
  b.initializer(name, [rows, columns], new Float32Array(rows * columns));

describe('the rows that inputs index', () => {
  it('are those of the smallest table, through Casts and Reshapes', () => {
    const b = new ModelBuilder();
    const ids = b.input('ids', ['N', 'T'], DataType.INT32);
    const types = b.input('types', ['N', 'T'], DataType.INT64);
    b.input('x', ['N', 4]);
    const cast = b.op('Cast', [ids], { to: DataType.INT64 });
    const flat = b.op('Reshape', [cast, b.store(int64s('shape', [-1]))]);
    b.op('Gather', [table(b, 'large', 500), flat]);
    b.op('Gather', [table(b, 'small', 120), cast]);
    b.op('Gather', [table(b, 'two', 2), types]);
    expect(found(b)).toEqual({ ids: 120, types: 2 });
  });

  it('are fewer where an offset is added, and count along the axis of the Gather', () => {
    const b = new ModelBuilder();
    const positions = b.input('positions', ['N', 'T'], DataType.INT64);
    const columns = b.input('columns', ['N'], DataType.INT64);
    b.op('Gather', [table(b, 'rows', 66), b.op('Add', [positions, b.store(int64s('two', [2]))])]);
    b.op('Gather', [table(b, 'wide', 3, 7), columns], { axis: 1 });
    expect(found(b)).toEqual({ positions: 64, columns: 7 });
  });

  it('are found where the table is quantized, and in the body of an If', () => {
    const b = new ModelBuilder();
    const ids = b.input('ids', ['N'], DataType.INT64);
    const flag = b.input('flag', [], DataType.BOOL);
    const codes = b.initializer('codes', [30, 4], new Int8Array(120), DataType.INT8);
    const scale = b.initializer('scale', [], Float32Array.of(1));
    const floats = b.op('DequantizeLinear', [codes, scale]);
    const body = graphBody(
      'then',
      [node('Gather', [floats, ids], ['y'])],
      [],
      [valueInfo('y', DataType.FLOAT, null)],
    );
    b.graph.node.push(node('If', [flag], ['out'], { then_branch: body, else_branch: body }));
    expect(found(b)).toEqual({ ids: 30 });
  });
});
