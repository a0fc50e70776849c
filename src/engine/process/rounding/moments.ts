/** Second moments of a layer's inputs: its inputs unfolded (im2col), then matrix products by ONNX Runtime. */
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { serialize } from '../../../onnx/graph/subgraph';
import { weightsFolder } from '../../../onnx/proto/external';
import { Devices } from '../devices/adaptiveSession';
import type { Job } from '../job/job';
import { span } from '../job/trace';
import type { Feeds } from '../ort/session';
import { addProducts, im2col, type Im2colLayer, type OutputLayout, outputView, type View } from './im2col';
import { type Moments, MomentSums } from './momentSums';
import { momentsModel, tilesOf } from './momentsModel';
import { chunksOf, halvesOf, picked, type Piece, type Tensors } from './positions';
import type { LayerRows } from './rows';

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
    const sums = new MomentSums(rows, tiles, float !== null);
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
