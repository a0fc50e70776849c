/** Which positions of which samples the moments of a layer are summed up over. */
import { type Im2colLayer, type PatchLayout, pickedPositions, type View, viewOf } from './im2col';
import type { LayerwiseRun } from './layerwiseRun';

/** Where the values of a tensor come from, block by block. */
export type Tensors = Pick<LayerwiseRun, 'blockCount' | 'tensor'>;

/** Positions per column at which more add nothing (measured on CIFAR-10: see bench/accuracy). */
const POSITIONS_PER_COLUMN = 16;
const LEAST_POSITIONS = 8192;

interface Picked {
  pieces: Piece[];
  /** Positions used, and there. */
  used: number;
  all: number;
}

/** What the moments are summed up over. */
export async function picked(unfolded: Im2colLayer, tensors: Tensors, path: string): Promise<Picked> {
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

/** The positions picked from samples of one block. */
export interface Piece extends PatchLayout {
  block: number;
  view: View;
  picked: number;
}

/** Every other block, or the first and the last samples of a single one. */
export function halvesOf(pieces: readonly Piece[]): Piece[][] {
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
export function chunksOf(pieces: readonly Piece[], most: number): Piece[][] {
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
