/** The products that moments and responses are made of, as a model. */
import { smallModel } from '../../../onnx/graph/smallModel';
import { int64s, node, valueInfo } from '../../../onnx/proto/build';
import { TensorProto_DataType as DataType, type ModelProto } from '../../../onnx/proto/onnx_pb';

/** Columns of a tile: at least, and where there are many. */
const LEAST_TILE = 256;
const TILE = 512;
const MOST_TILES = 16;

/**
 * The moments are symmetric, so they are computed by tiles, and those right of the diagonal are left out: nearly half of
 * the product is saved. Tiles, not rows of them: a product whose result stays in the processor's cache takes half of the
 * time (measured). Returns the end of each tile.
 */
export function tilesOf(columns: number): number[] {
  const small = Math.min(8, Math.floor(columns / LEAST_TILE));
  const count = Math.max(1, small, Math.min(MOST_TILES, Math.floor(columns / TILE)));
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * columns) / count));
}

/**
 * Inputs u (unfolded) and what the responses come from: y, or float (unfolded inputs of the float network) and weights;
 * outputs momentsI_J (tiles), responsesJ, means and outputs (sums as yet).
 */
export function momentsModel(tiles: readonly number[], responses: 'output' | 'inputs' | null): ModelProto {
  const float = (name: string) => valueInfo(name, DataType.FLOAT, ['', '', '']);
  const isSingle = tiles.length === 1;
  const rowsOf = (i: number) => (isSingle ? 'u' : `u${i}`);
  const pairs = tiles.flatMap((_, i) => tiles.slice(0, i + 1).map((__, j) => [i, j]));
  return smallModel('moments', {
    node: [
      ...tiles.flatMap((_, i) => [
        ...(isSingle ? [] : [node('Slice', ['u', `end${i - 1}`, `end${i}`, 'rows'], [rowsOf(i)])]),
        node('Transpose', [rowsOf(i)], [`transposed${i}`], { perm: [0, 2, 1] }),
      ]),
      ...pairs.map(([i, j]) => node('MatMul', [rowsOf(i), `transposed${j}`], [`moments${i}_${j}`])),
      node('ReduceSum', ['u', 'positions'], ['means'], { keepdims: 0 }),
      ...(responses === 'inputs' ? [node('MatMul', ['weights', 'float'], ['y'])] : []),
      ...(responses
        ? [
            ...tiles.map((_, j) => node('MatMul', ['y', `transposed${j}`], [`responses${j}`])),
            node('ReduceSum', ['y', 'positions'], ['outputs'], { keepdims: 0 }),
          ]
        : []),
    ],
    initializer: [
      int64s('positions', [2]),
      ...(isSingle
        ? []
        : [int64s('rows', [1]), ...[0, ...tiles].map((end, i) => int64s(`end${i - 1}`, [end]))]),
    ],
    input: ['u', ...(responses === 'output' ? ['y'] : responses ? ['float', 'weights'] : [])].map(float),
    output: [
      ...pairs.map(([i, j]) => `moments${i}_${j}`),
      'means',
      ...(responses ? [...tiles.map((_, j) => `responses${j}`), 'outputs'] : []),
    ].map((name) => valueInfo(name, DataType.FLOAT, null)),
  });
}
