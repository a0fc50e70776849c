/** Second moments of a layer's inputs: its inputs unfolded (im2col), then matrix products by ONNX Runtime. */
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { chanceShare, type Marginals } from '../../../core/rounding/shrinkage';
import { smallModel } from '../../../onnx/graph/smallModel';
import { serialize } from '../../../onnx/graph/subgraph';
import { int64s, node, valueInfo } from '../../../onnx/proto/build';
import { weightsFolder } from '../../../onnx/proto/external';
import { TensorProto_DataType as DataType, type ModelProto } from '../../../onnx/proto/onnx_pb';
import { Devices } from '../devices/adaptiveSession';
import type { Job } from '../job/job';
import { span } from '../job/trace';
import type { Feeds } from '../ort/session';
import {
  addProducts,
  im2col,
  type Im2colLayer,
  type OutputLayout,
  outputView,
  type PatchLayout,
  pickedPositions,
  type View,
  viewOf,
} from './im2col';
import type { LayerwiseRun } from './layerwiseRun';
import type { LayerRows } from './rows';

export interface Moments {
  /** Per group U^T U / n, [columns, columns]. */
  moments: Float64Array[];
  /** Per group Yf^T U / n, [rows, columns]; null where no float network was given. */
  responses: Float64Array[] | null;
  /** Per group the mean of U, [columns]. */
  means: Float64Array[];
  /** Per group the share of chance in the moments. */
  chance: number[];
  /** Per group what chance leaves of the responses; null with `responses`. */
  marginals: Marginals[] | null;
  /** Positions used (n) and there. */
  used: number;
  all: number;
}

/** Where the values of a tensor come from, block by block. */
export type Tensors = Pick<LayerwiseRun, 'blockCount' | 'tensor'>;

/** The float network's side of the responses. */
export interface FloatSide {
  tensors: Tensors;
  /** [groups, rows, columns] */
  weights: Float32Array;
  /** How to tell Yf from the layer's own output; null: it is computed from the layer's inputs. */
  output: OutputLayout | null;
  /** A tensor that is added to the layer's output, and which Yf makes up for: its float values less its quantized ones. */
  residual?: string | null;
}

/** Positions per column at which more add nothing (measured on CIFAR-10: see bench/accuracy). */
const POSITIONS_PER_COLUMN = 16;
const LEAST_POSITIONS = 8192;

/** Bytes that the unfolded inputs of a convolution take at once, at most. */
const UNFOLDED_BYTES = 32e6;

/**
 * Sums over all blocks of samples. Where there are far more positions than columns, every s-th position is used, s
 * prime, starting elsewhere in every block.
 */
export async function layerMoments(
  unfolded: Im2colLayer,
  quantized: Tensors,
  floatSide: FloatSide | null,
  path: string,
  job: Job,
  devices?: Devices,
  unfoldedBytes?: number,
): Promise<Moments> {
  const { layer, rows } = unfolded;
  const { groups, columns } = rows;
  const { pieces, all } = await picked(unfolded, quantized, path);
  const float = floatSide && isPaired(floatSide, pieces, quantized, unfolded) ? floatSide : null;
  if (floatSide && !float) {
    job.log(
      'info',
      `${layer.node}: its sizes depend on the weights, so it is rounded without the float network's outputs.`,
    );
  }
  const perPosition = 4 * groups * (columns + (float ? (float.output ? rows.rows : columns) : 0));
  const halves = halvesOf(pieces);
  // As many positions in one product as the moments are worth adding up for.
  const bytes = unfoldedBytes ?? Math.max(UNFOLDED_BYTES, 2 * groups * columns ** 2);
  const chunks = halves.flatMap((half, index) =>
    chunksOf(half, Math.floor(bytes / perPosition)).map((chunk) => ({ chunk, half: index })),
  );
  const tiles = tilesOf(columns);
  const session = (devices ?? (await Devices.open('cpu', job))).session({
    bytes: () => serialize(momentsModel(tiles, float && (float.output ? 'output' : 'inputs'))),
    folder: weightsFolder(path),
    model: path,
    sleeps: true,
  });
  try {
    const sums = new Sums(rows, tiles, float !== null);
    const rooms = [new ReusableBuffer(), new ReusableBuffer(), new ReusableBuffer()];
    for (const [index, { chunk, half }] of chunks.entries()) {
      await job.checkpoint();
      const used = chunk.reduce((sum, { count, picked }) => sum + count * picked, 0);
      const feeds: Feeds = await span('unfold', () => ({
        u: gather(rooms[0], chunk, used, rows, 'columns', (at) => [
          quantized.tensor(at.block, layer.input),
          at.view,
        ]),
        ...(float ? floatFeeds(rooms, chunk, used, unfolded, quantized, float) : {}),
      }));
      const outputs = await span('moments', () => session.runTensors(feeds, chunks.length - index));
      await span('sum up', () => sums.add(outputs, used, half));
      if (float) {
        await span('marginals', () => {
          if (feeds.float)
            sums.addPairs(feeds.u.data as Float32Array, feeds.float.data as Float32Array, used);
          else {
            for (const piece of chunk) {
              const [a, b] = [quantized, float.tensors].map((side) =>
                numbers(side.tensor(piece.block, layer.input)),
              );
              addProducts(sums.products, sums.floatSums, a, b, piece.view, groups * columns, piece);
            }
          }
        });
      }
    }
    return { ...sums.finish(), all };
  } finally {
    await session.close();
  }
}

interface Picked {
  pieces: Piece[];
  /** Positions used, and there. */
  used: number;
  all: number;
}

/** What the moments are summed up over. */
async function picked(unfolded: Im2colLayer, tensors: Tensors, path: string): Promise<Picked> {
  const viewOfBlock = (block: number) =>
    viewOf(unfolded, tensors.tensor(block, unfolded.layer.input).dims, path);
  const { samples, positions } = await viewOfBlock(0);
  const all = samples * positions * tensors.blockCount;
  const step = stepFor(all, positions, unfolded.rows.columns);
  const pieces: Piece[] = [];
  let used = 0;
  for (let block = 0; block < tensors.blockCount; block++) {
    const view = await viewOfBlock(block);
    const start = (block * 7919) % step;
    const count = pickedPositions(view.positions, start, step);
    pieces.push({ block, view, picked: count, from: 0, count: view.samples, start, step });
    used += count * view.samples;
  }
  return { pieces, used, all };
}

/**
 * Whether W x at the positions used costs less than to have the float network stop behind the layer, where nothing is
 * fused with it and all of its output is handed over. In values that are gathered: a multiplication costs a hundredth of
 * one, what is handed over half of one, and half of the columns have to be read in any case (MobileNetV2, ResNet-18).
 */
export async function isCheapFromInputs(
  unfolded: Im2colLayer,
  quantized: Tensors,
  path: string,
): Promise<boolean> {
  const { columns, rows } = unfolded.rows;
  const { used, all } = await picked(unfolded, quantized, path);
  return columns * used * (0.5 + rows / 100) <= rows * (used + all / 2);
}

/** Do both networks see as much in every block? Where lengths depend on the weights, values would be read out of step. */
function isPaired(
  { tensors, output }: FloatSide,
  pieces: readonly Piece[],
  quantized: Tensors,
  { layer, rows }: Im2colLayer,
): boolean {
  return pieces.every(({ block, view }) => {
    if (output === null)
      return (
        tensors.tensor(block, layer.input).dims.join() === quantized.tensor(block, layer.input).dims.join()
      );
    const { length } = tensors.tensor(block, layer.output).data;
    return length === rows.groups * rows.rows * view.samples * view.positions;
  });
}

/** The positions picked from samples of one block. */
interface Piece extends PatchLayout {
  block: number;
  view: View;
  picked: number;
}

/** Every other block, or the first and the last samples of a single one. */
function halvesOf(pieces: readonly Piece[]): Piece[][] {
  if (pieces.length > 1) return [0, 1].map((half) => pieces.filter((_, i) => i % 2 === half));
  return pieces.flatMap((piece) => {
    const first = Math.floor(piece.count / 2);
    return [
      [{ ...piece, count: first }],
      [{ ...piece, from: piece.from + first, count: piece.count - first }],
    ];
  });
}

/** In order, each of about `most` positions, and one sample at least. */
function chunksOf(pieces: readonly Piece[], most: number): Piece[][] {
  const chunks: Piece[][] = [];
  let current: Piece[] = [];
  let left = most;
  for (const piece of pieces) {
    const end = piece.from + piece.count;
    for (let from = piece.from; piece.picked > 0 && from < end;) {
      if (current.length > 0 && left < piece.picked) [current, left] = [[], most];
      if (current.length === 0) chunks.push(current);
      const count = Math.min(end - from, Math.max(1, Math.floor(left / piece.picked)));
      current.push({ ...piece, from, count });
      left -= count * piece.picked;
      from += count;
    }
  }
  return chunks;
}

/** [groups, size, positions] of a chunk. */
function gather(
  room: ReusableBuffer,
  chunk: readonly Piece[],
  positions: number,
  rows: LayerRows,
  size: 'rows' | 'columns',
  look: (piece: Piece) => [tensor: Feeds[string], view: View],
): Feeds[string] {
  const channels = rows.groups * rows[size];
  const data = room.of(channels * positions);
  let offset = 0;
  for (const piece of chunk) {
    const [tensor, view] = look(piece);
    im2col(data, numbers(tensor), view, channels, piece, { stride: positions, offset });
    offset += piece.count * piece.picked;
  }
  return { type: 'float32', data, dims: [rows.groups, rows[size], positions] };
}

function floatFeeds(
  [, room, spare]: readonly ReusableBuffer[],
  chunk: readonly Piece[],
  positions: number,
  { layer, rows }: Im2colLayer,
  quantized: Tensors,
  { tensors, weights, output, residual }: FloatSide,
): Feeds {
  const { groups, rows: count, columns } = rows;
  if (output === null) {
    return {
      float: gather(room, chunk, positions, rows, 'columns', (at) => [
        tensors.tensor(at.block, layer.input),
        at.view,
      ]),
      weights: { type: 'float32', data: weights, dims: [groups, count, columns] },
    };
  }
  const y = gather(room, chunk, positions, rows, 'rows', (at) => [
    tensors.tensor(at.block, layer.output),
    outputView(at.view, output, groups * count),
  ]);
  const data = y.data as Float32Array;
  if (residual) {
    for (const [side, sign] of [
      [tensors, 1],
      [quantized, -1],
    ] as const) {
      const added = gather(spare, chunk, positions, rows, 'rows', (at) => [
        side.tensor(at.block, residual),
        outputView(at.view, output, groups * count),
      ]).data as Float32Array;
      for (let i = 0; i < data.length; i++) data[i] += sign * added[i];
    }
  }
  const { bias } = output;
  if (bias) {
    for (let r = 0; r < bias.length; r++) {
      for (let p = r * positions; p < (r + 1) * positions; p++) data[p] -= bias[r];
    }
  }
  return { y };
}

/** Memory that is used again: fresh pages cost more than what is written to them. */
class ReusableBuffer {
  private all = new Float32Array(0);

  of(size: number): Float32Array {
    if (this.all.length < size) this.all = new Float32Array(size);
    return this.all.subarray(0, size);
  }
}

/** The largest prime step that leaves enough positions, and one at least; 1: all. */
function stepFor(all: number, positions: number, columns: number): number {
  const largest = Math.min(positions, all / Math.max(LEAST_POSITIONS, POSITIONS_PER_COLUMN * columns));
  for (let step = Math.floor(largest); step > 1; step--) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= step && prime; divisor++) prime = step % divisor !== 0;
    if (prime) return step;
  }
  return 1;
}

/** Columns of a tile: at least, and where there are many. */
const LEAST_TILE = 256;
const TILE = 512;
const MOST_TILES = 16;

/**
 * The moments are symmetric, so they are computed by tiles, and those right of the diagonal are left out: nearly half of
 * the product is saved. Tiles, not rows of them: a product whose result stays in the processor's cache takes half of the
 * time (measured). Returns the end of each tile.
 */
function tilesOf(columns: number): number[] {
  const small = Math.min(8, Math.floor(columns / LEAST_TILE));
  const count = Math.max(1, small, Math.min(MOST_TILES, Math.floor(columns / TILE)));
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * columns) / count));
}

class Sums {
  /** Of two halves of the samples. */
  private readonly halves: { moments: Float64Array; sums: Float64Array; count: number }[];
  private readonly responses: Float64Array | null;
  private readonly outputs: Float64Array;
  /** [groups, columns]: of the float network's inputs, and of their products with U, column by column. */
  readonly floatSums: Float64Array;
  readonly products: Float64Array;

  constructor(
    private readonly size: LayerRows,
    private readonly tiles: readonly number[],
    responses: boolean,
  ) {
    const { groups, rows, columns } = size;
    this.halves = Array.from({ length: 2 }, () => ({
      // [groups, columns, columns], on and left of the diagonal; right of it in the tiles on it.
      moments: new Float64Array(groups * columns * columns),
      sums: new Float64Array(groups * columns),
      count: 0,
    }));
    this.responses = responses ? new Float64Array(groups * rows * columns) : null;
    this.outputs = new Float64Array(responses ? groups * rows : 0);
    this.floatSums = new Float64Array(responses ? groups * columns : 0);
    this.products = new Float64Array(responses ? groups * columns : 0);
  }

  /** @param used positions that the outputs are sums over */
  add(outputs: Feeds, used: number, half: number): void {
    const { groups, columns } = this.size;
    const { moments, sums } = this.halves[half];
    const { rows } = this.size;
    this.tiles.forEach((end, i) => {
      const from = this.tiles[i - 1] ?? 0;
      for (let j = 0; j <= i; j++) {
        const [left, right] = [this.tiles[j - 1] ?? 0, this.tiles[j]];
        const values = outputs[`moments${i}_${j}`].data as Float32Array;
        for (let g = 0, at = 0; g < groups; g++) {
          for (let row = g * columns + from; row < g * columns + end; row++) {
            for (let to = row * columns + left; to < row * columns + right; to++) moments[to] += values[at++];
          }
        }
      }
      if (!this.responses) return;
      const values = outputs[`responses${i}`].data as Float32Array;
      for (let row = 0, at = 0; row < groups * rows; row++) {
        for (let to = row * columns + from; to < row * columns + end; to++)
          this.responses[to] += values[at++];
      }
    });
    accumulate(sums, outputs.means.data as Float32Array);
    if (this.responses) accumulate(this.outputs, outputs.outputs.data as Float32Array);
    this.halves[half].count += used;
  }

  /** Of both networks' inputs, [groups, columns, used], the products column by column and the sums of the second. */
  addPairs(first: Float32Array, second: Float32Array, used: number): void {
    for (let column = 0, at = 0; column < this.products.length; column++) {
      let [product, sum] = [0, 0];
      for (const end = at + used; at < end; at++) {
        product += first[at] * second[at];
        sum += second[at];
      }
      this.products[column] += product;
      this.floatSums[column] += sum;
    }
  }

  finish(): Omit<Moments, 'all'> {
    const { groups, rows, columns } = this.size;
    const [first, second] = this.halves;
    const chance = this.chance();
    accumulate(first.moments, second.moments);
    accumulate(first.sums, second.sums);
    const used = this.halves.reduce((sum, { count }) => sum + count, 0);
    const divided = (sums: Float64Array, size: number) => {
      for (let i = 0; i < sums.length; i++) sums[i] /= used;
      return Array.from({ length: groups }, (_, g) => sums.subarray(g * size, (g + 1) * size));
    };
    const moments = divided(first.moments, columns * columns);
    for (const matrix of moments) mirror(matrix, columns);
    const means = divided(first.sums, columns);
    const responses = this.responses && divided(this.responses, rows * columns);
    const products = divided(this.products, columns);
    const floatMeans = divided(this.floatSums, columns);
    const outputs = divided(this.outputs, rows);
    const marginals =
      responses &&
      means.map((_, g) => ({
        means: means[g],
        floatMeans: floatMeans[g],
        products: products[g],
        outputs: outputs[g],
      }));
    return { moments, means, chance, responses, marginals, used };
  }

  /** Per group. */
  private chance(): number[] {
    const { groups, columns } = this.size;
    const [a, b] = this.halves.map(({ moments, sums, count }) => (g: number) => ({
      moments: moments.subarray(g * columns * columns, (g + 1) * columns * columns),
      sums: sums.subarray(g * columns, (g + 1) * columns),
      count,
    }));
    return Array.from({ length: groups }, (_, g) => chanceShare(a(g), b(g), columns));
  }
}

/** Copies what is left of the diagonal to its right, by tiles that stay in the cache. */
function mirror(matrix: Float64Array, n: number): void {
  const tile = 32;
  for (let top = 0; top < n; top += tile) {
    for (let left = 0; left <= top; left += tile) {
      for (let i = top; i < Math.min(n, top + tile); i++) {
        for (let j = left; j < Math.min(i, left + tile); j++) matrix[j * n + i] = matrix[i * n + j];
      }
    }
  }
}

function accumulate(sums: Float64Array, values: Float32Array | Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += values[i];
}

/**
 * Inputs u (unfolded) and what the responses come from: y, or float (unfolded inputs of the float network) and weights;
 * outputs momentsI_J (tiles), responsesJ, means and outputs (sums as yet).
 */
function momentsModel(tiles: readonly number[], responses: 'output' | 'inputs' | null): ModelProto {
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
