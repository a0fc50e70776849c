/** Recurrent layers: what their weights meet, and files in which they are quantized. */
import { toBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { Job } from '../../src/engine/process/job/job';
import { LayerwiseRun } from '../../src/engine/process/rounding/layerwiseRun';
import { layerMoments } from '../../src/engine/process/rounding/moments';
import { im2colLayer, inputsOf } from '../../src/engine/process/rounding/roundNetwork';
import { gatherRows } from '../../src/engine/process/rounding/rows';
import { Graph } from '../../src/onnx/graph/graph';
import { findNetwork } from '../../src/onnx/network/functions';
import { TensorProto_DataType as DataType, ModelProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { compare, quantize } from './exporting';
import { save } from './harness';

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;

interface Options {
  op: keyof typeof GATES;
  direction: 'forward' | 'reverse' | 'bidirectional';
  /** Takes the hidden state after the last step instead of all of them. */
  last?: boolean;
}

/** Token ids, an embedding, the recurrent layer with a state fed from outside, a head. */
function tagger({ op, direction, last = false }: Options) {
  const [hidden, inputs, directions] = [20, 24, direction === 'bidirectional' ? 2 : 1];
  const b = new ModelBuilder({ seed: 3 });
  const ids = b.op('Transpose', [b.input('ids', ['batch', 6], DataType.INT64)], { perm: [1, 0] });
  const x = b.op('Gather', [b.weight('table', [1000, inputs], 1), ids], {}, { name: 'embed' });
  const rows = GATES[op] * hidden;
  const names = last ? ['', 'state'] : ['states'];
  b.op(
    op,
    [x, b.weight('W', [directions, rows, inputs], 0.3), b.weight('R', [directions, rows, hidden], 0.3)],
    { direction, hidden_size: hidden },
    { name: 'recurrent', output: 'states' },
  );
  b.graph.node.at(-1)!.output = names;
  const y = b.op('MatMul', [names.at(-1)!, b.weight('head', [hidden, 5], 1)], {}, { name: 'classify' });
  // Samples along the first axis.
  b.output(b.op('Transpose', [y], { perm: last ? [1, 0, 2] : [2, 0, 1, 3] }, { output: 'y' }));
  return b.build();
}

describe('recurrent weights', () => {
  it.each(['forward', 'reverse', 'bidirectional'] as const)(
    'R meets the state of the step before, the first one the initial state: %s',
    async (direction) => {
      const [steps, batch, hidden, directions] = [5, 3, 4, direction === 'bidirectional' ? 2 : 1];
      const b = new ModelBuilder({ seed: 2 });
      const x = b.input('x', [steps, batch, 2]);
      const start = b.input('start', [directions, batch, hidden]);
      // Nothing comes from the inputs: each state is tanh(R h).
      const w = b.initializer('w', [directions, hidden, 2], new Float32Array(directions * hidden * 2));
      const r = b.weight('r', [directions, hidden, hidden], 0.5);
      b.op('RNN', [x, w, r, '', '', start], { direction, hidden_size: hidden }, { name: 'rnn', output: 'y' });
      const model = b.output('y').build();
      const graph = new Graph(model.graph!);
      const { layers } = findNetwork(model).functions[0];
      expect(layers.map(({ node, weight }) => [node, weight])).toEqual([
        ['rnn', 'w'],
        ['rnn.R', 'r'],
      ]);
      const feeds = {
        x: b.random.normals(steps * batch * 2),
        start: b.random.normals(directions * batch * hidden),
      };
      const dims = { x: [steps, batch, 2], start: [directions, batch, hidden] };
      const job = new Job(
        () => undefined,
        () => undefined,
      );
      const block = {
        x: { type: 'float32' as const, data: feeds.x, dims: dims.x },
        start: { type: 'float32' as const, data: feeds.start, dims: dims.start },
      };
      const prefix = new LayerwiseRun(model, graph, '/m.onnx', job, [block]);
      const unfolded = (await im2colLayer(model, graph, layers[1], 0, '/m.onnx'))!;
      const seen = await inputsOf(unfolded, prefix, new Map());
      const { moments, used } = await layerMoments(unfolded, seen, null, '/m.onnx', job);
      const { groups, rows, columns } = unfolded.rows;
      expect([groups, rows, columns, used]).toEqual([directions, hidden, hidden, steps * batch]);
      const stored = model.graph!.initializer.find(({ name }) => name === 'r')!;
      const weights = gatherRows(new Float32Array(new Uint8Array(stored.rawData).buffer), unfolded.rows);

      const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, model));
      const { y } = await session.run({
        x: new ort.Tensor('float32', feeds.x, dims.x),
        start: new ort.Tensor('float32', feeds.start, dims.start),
      });
      const energy = new Float64Array(directions * hidden);
      (y.data as Float32Array).forEach((value, i) => {
        const d = Math.floor(i / (batch * hidden)) % directions;
        energy[d * hidden + (i % hidden)] += Math.atanh(value) ** 2;
      });
      for (let row = 0; row < groups * rows; row++) {
        const own = weights.subarray(row * columns, (row + 1) * columns);
        const h = moments[Math.floor(row / rows)];
        let sum = 0;
        own.forEach((a, i) => own.forEach((c, j) => (sum += a * c * h[i * columns + j])));
        expect((sum * used) / energy[row]).toBeCloseTo(1, 3);
      }
    },
  );

  const kinds = (['LSTM', 'GRU', 'RNN'] as const).flatMap((op): Options[] => [
    { op, direction: 'bidirectional' },
    { op, direction: 'reverse', last: true },
  ]);
  it.each(kinds)('are quantized with a scale a row of each direction: %j', async (options) => {
    const model = save(tagger(options));
    const { out } = await quantize(model, { width: 8 });
    expect((await compare(model, out)).against!.sqnrDb).toBeGreaterThan(30);
    const four = await quantize(model, { width: 4, overwrite: true });
    expect((await compare(model, four.out)).against!.sqnrDb).toBeGreaterThan(8);
  });
});
