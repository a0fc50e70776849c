/** Quadratic forms v H v^T of many rows at once, by ONNX Runtime on all threads: loops take minutes for wide layers. */
import { smallModel } from '../../../onnx/graph/smallModel';
import { serialize } from '../../../onnx/graph/subgraph';
import { int64s, node, valueInfo } from '../../../onnx/proto/build';
import { TensorProto_DataType as DataType, type ModelProto } from '../../../onnx/proto/onnx_pb';
import { type Feeds, Session } from './session';

/** Multiplications below which plain loops are faster than a call into ONNX Runtime: depthwise convolutions have hundreds. */
const SMALL = 200_000;
/** Columns of a panel, at least. */
const PANEL = 256;
const MOST_PANELS = 8;
/** Rows in one product: what stays in the processor's cache takes less time (15 % in a quiet run). */
const ROWS = 256;

/**
 * v H v^T over symmetric H: what is above the diagonal blocks counts twice, so that little more than half of the product
 * v H is computed.
 */
export class QuadraticForms {
  /** By number of panels. */
  private readonly sessions = new Map<number, Session>();
  private room = new Float32Array(0);

  /**
   * Per matrix, the sum over its rows of v H v^T, to six digits.
   * @param matrices each [rows, columns]
   * @param h [columns, columns], symmetric
   */
  async sums(matrices: readonly Float64Array[], h: Float64Array, columns: number): Promise<number[]> {
    const all = matrices.reduce((sum, { length }) => sum + length, 0);
    if (all * columns < SMALL) return matrices.map((values) => plain(values, h, columns));
    const ends = panelsOf(columns);
    const panels = panelFeeds(h, columns, ends);
    const session = await this.open(ends);
    const sums = matrices.map(() => 0);
    const rows = all / columns;
    let [matrix, row] = [0, 0];
    for (let done = 0; done < rows;) {
      const count = Math.min(ROWS, rows - done);
      const v = this.floats(count * columns);
      const parts: { matrix: number; count: number }[] = [];
      for (let filled = 0; filled < count;) {
        const values = matrices[matrix];
        const taken = Math.min(count - filled, values.length / columns - row);
        v.set(values.subarray(row * columns, (row + taken) * columns), filled * columns);
        parts.push({ matrix, count: taken });
        filled += taken;
        row += taken;
        if (row * columns === values.length) [matrix, row] = [matrix + 1, 0];
      }
      const outputs = await session.run({
        ...panels,
        v: { type: 'float32', data: v, dims: [count, columns] },
      });
      const forms = outputs.sums as Float32Array;
      let at = 0;
      for (const part of parts) {
        for (const end = at + part.count; at < end; at++) sums[part.matrix] += forms[at];
      }
      done += count;
    }
    return sums;
  }

  async close(): Promise<void> {
    for (const session of this.sessions.values()) await session.close();
    this.sessions.clear();
  }

  private floats(size: number): Float32Array {
    if (this.room.length < size) this.room = new Float32Array(size);
    return this.room.subarray(0, size);
  }

  private async open(ends: readonly number[]): Promise<Session> {
    const known = this.sessions.get(ends.length);
    if (known) return known;
    const options = { provider: 'cpu' as const, folder: '.', model: 'the quadratic form', sleeps: true };
    const session = await Session.open(serialize(formsModel(ends.length)), options);
    this.sessions.set(ends.length, session);
    return session;
  }
}

function plain(values: Float64Array, h: Float64Array, columns: number): number {
  let sum = 0;
  for (let from = 0; from < values.length; from += columns) {
    for (let i = 0; i < columns; i++) {
      const v = values[from + i];
      if (v === 0) continue;
      let dot = 0;
      for (let j = 0; j < columns; j++) dot += h[i * columns + j] * values[from + j];
      sum += v * dot;
    }
  }
  return sum;
}

function panelsOf(columns: number): number[] {
  const count = Math.max(1, Math.min(MOST_PANELS, Math.floor(columns / PANEL)));
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * columns) / count));
}

/** Per panel of columns [from, end) its rows [0, end), those before `from` doubled; and the ends, for the graph. */
function panelFeeds(h: Float64Array, columns: number, ends: readonly number[]): Feeds {
  const feeds: Feeds = {};
  ends.forEach((end, i) => {
    const from = i === 0 ? 0 : ends[i - 1];
    const data = new Float32Array(end * (end - from));
    for (let row = 0, at = 0; row < end; row++) {
      const factor = row < from ? 2 : 1;
      for (let k = row * columns + from; k < row * columns + end; k++) data[at++] = factor * h[k];
    }
    feeds[`h${i}`] = { type: 'float32', data, dims: [end, end - from] };
    feeds[`from${i}`] = { type: 'int64', data: BigInt64Array.of(BigInt(from)), dims: [1] };
    feeds[`end${i}`] = { type: 'int64', data: BigInt64Array.of(BigInt(end)), dims: [1] };
  });
  return feeds;
}

/** sums = per row of v, sum over the panels of (v[:, :end] h) v[:, from:end]. */
function formsModel(panels: number): ModelProto {
  const each = Array.from({ length: panels }, (_, i) => i);
  const products = each.map((i) => `sums${i}`);
  return smallModel('quadratic', {
    node: [
      ...each.flatMap((i) => [
        node('Slice', ['v', 'zero', `end${i}`, 'axis'], [`until${i}`]),
        node('Slice', ['v', `from${i}`, `end${i}`, 'axis'], [`own${i}`]),
        node('MatMul', [`until${i}`, `h${i}`], [`vh${i}`]),
        node('Mul', [`vh${i}`, `own${i}`], [`products${i}`]),
        node('ReduceSum', [`products${i}`, 'axis'], [products[i]], { keepdims: 0 }),
      ]),
      node('Sum', products, ['sums']),
    ],
    initializer: [int64s('axis', [1]), int64s('zero', [0])],
    input: [
      valueInfo('v', DataType.FLOAT, ['', '']),
      ...each.flatMap((i) => [
        valueInfo(`h${i}`, DataType.FLOAT, ['', '']),
        valueInfo(`from${i}`, DataType.INT64, [1]),
        valueInfo(`end${i}`, DataType.INT64, [1]),
      ]),
    ],
    output: [valueInfo('sums', DataType.FLOAT, [''])],
  });
}
