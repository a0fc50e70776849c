import { describe, expect, it } from 'vitest';
import { findNetwork } from '../../../../src/onnx/network/functions';
import { sharesOf } from '../../../../src/onnx/packing/shares';
import { TensorProto_DataType as DataType } from '../../../../src/onnx/proto/onnx_pb';
import { averageOverAll, shareLine, stayingNotes } from '../../../../src/pipeline/shares';
import { ModelBuilder } from '../../../support/models/builder';

/** A layer of 64 x 64, a table of 2048 doubles that stays, a bias of 64. */
function model() {
  const b = new ModelBuilder({ seed: 1 });
  const x = b.input('x', ['batch', 64]);
  const y = b.op('MatMul', [x, b.weight('weight', [64, 64], 1)], {}, { name: 'fc' });
  const z = b.op('Add', [y, b.weight('bias', [64], 1)]);
  const wide = b.op('Cast', [z], { to: DataType.DOUBLE });
  b.output(b.op('MatMul', [wide, b.initializer('doubles', [64, 32], new Float64Array(2048))]));
  return b.build();
}

describe('shares of a file', () => {
  const network = findNetwork(model());
  const shares = sharesOf(model(), network);

  it('are what functions hold, and the rest by the operator that reads it', () => {
    expect(shares.quantizable).toBeGreaterThan(4 * 4096);
    expect(shares.quantizable).toBeLessThan(4 * 4096 + 40);
    expect(shares.staying.map(({ op, largest }) => [op, largest.map(({ name }) => name)])).toEqual([
      ['MatMul', ['doubles']],
      ['Add', ['bias']],
    ]);
    expect(shares.floats).toEqual({ elements: 2048 + 64, bits: 64 * 2048 + 32 * 64 });
  });

  it('tell the average over all weights, and name what stays', () => {
    const bytes = 33_500;
    expect(averageOverAll({ shares, network, bytes }, [4])).toBeCloseTo(
      (4 * 4096 + 64 * 2048 + 32 * 64) / (4096 + 2048 + 64),
    );
    expect(shareLine({ shares, network, bytes })).toBe(
      '49.0 % of the file can be quantized (16.5 KB of 33.5 KB)',
    );
    const notes = stayingNotes({ shares, network, bytes }, [4]);
    expect(notes[1]).toBe('  MatMul: 16.5 KB, the largest doubles (16.5 KB)');
    expect(stayingNotes({ shares, network, bytes: 17_000 }, [4])).toEqual([]);
  });
});
