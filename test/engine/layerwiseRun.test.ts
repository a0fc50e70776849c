import { expect, it } from 'vitest';
import { Job } from '../../src/engine/process/job/job';
import { LayerwiseRun } from '../../src/engine/process/rounding/layerwiseRun';
import type { Feeds } from '../../src/engine/process/ort/session';
import { Graph } from '../../src/onnx/graph/graph';
import { ModelBuilder } from '../support/models/builder';

const job = new Job(
  () => undefined,
  () => undefined,
);

const block = (values: number[]): Feeds => ({
  x: { type: 'float32', data: Float32Array.from(values), dims: [values.length] },
});

/** Steps through the graph node by node, and returns what the output is in every block. */
async function outputs(b: ModelBuilder, output: string, blocks: Feeds[]): Promise<number[][]> {
  const model = b.output(output).build();
  const graph = new Graph(model.graph!);
  const run = new LayerwiseRun(model, graph, '/m.onnx', job, blocks);
  for (let position = 1; position <= graph.order.length; position++)
    await run.advance(position, new Map(), position === graph.order.length ? [output] : []);
  return blocks.map((_, i) => [...(run.tensor(i, output).data as Float32Array)]);
}

it('each block keeps its own values, also those of an early tensor that is read late', async () => {
  const b = new ModelBuilder();
  b.input('x', ['n']);
  const early = b.op('Neg', ['x']);
  let y = early;
  for (let i = 0; i < 6; i++) y = b.op('Abs', [b.op('Neg', [y])]);
  const sum = b.op('Add', [early, y]);
  const values = Array.from({ length: 5 }, (_, i) => [i + 1, -i - 2, i + 0.5]);
  expect(await outputs(b, sum, values.map(block))).toEqual(
    values.map((each) => each.map((value) => Math.abs(value) - value)),
  );
});

it('blocks of one size may have outputs of different sizes', async () => {
  const b = new ModelBuilder();
  b.input('x', ['n']);
  const zero = b.initializer('zero', [], new Float32Array([0]));
  const kept = b.op('Compress', ['x', b.op('Greater', ['x', zero])]);
  const values = [
    [1, -2, 3],
    [-1, -2, 5],
    [4, 5, 6],
  ];
  expect(await outputs(b, b.op('Neg', [kept]), values.map(block))).toEqual([[-1, -3], [-5], [-4, -5, -6]]);
});
