/** Which residual sum a layer's output goes into. */
import { expect, it } from 'vitest';
import { residualOf } from '../../src/engine/process/rounding/residual';
import { Graph } from '../../src/onnx/graph/graph';
import { findNetwork } from '../../src/onnx/network/functions';
import { ModelBuilder } from '../support/models/builder';

/** Per layer, by the name of its node. */
function residuals(b: ModelBuilder): Record<string, string | null> {
  const model = b.build();
  const graph = new Graph(model.graph!);
  const layers = findNetwork(model).functions.flatMap((each) => each.layers);
  return Object.fromEntries(
    layers.map((layer) => [layer.node, residualOf(graph, layer, graph.producerIndex(layer.output)!)]),
  );
}

it('is the block input for the last layer of a block, and nothing for the layers before it', () => {
  const b = new ModelBuilder();
  const x = b.relu(b.input('x', ['n', 4, 8, 8]));
  const inner = b.relu(b.conv(x, 4, { name: 'first' }));
  b.output(b.add(b.conv(inner, 4, { name: 'last' }), x));
  expect(residuals(b)).toEqual({ first: null, last: x });
});

it('is found behind a bias that is added, and for an input of the model', () => {
  const b = new ModelBuilder();
  const x = b.input('x', ['n', 5, 8]);
  b.output(b.add(x, b.matmul(x, 8, { name: 'project', bias: true })));
  expect(residuals(b)).toEqual({ project: 'x' });
});

it('belongs to the later one of two layers whose outputs are added', () => {
  const b = new ModelBuilder();
  const x = b.relu(b.input('x', ['n', 4, 8, 8]));
  const main = b.conv(x, 4, { name: 'main' });
  b.output(b.add(main, b.conv(x, 4, { name: 'downsample' })));
  expect(residuals(b)).toEqual({ main: null, downsample: main });
});

it.each([
  ['another node reads the output, too', (b: ModelBuilder, y: string) => b.output(b.relu(y))],
  ['the model puts it out', (b: ModelBuilder, y: string) => b.output(y)],
])('is none where %s', (_, also) => {
  const b = new ModelBuilder();
  const x = b.relu(b.input('x', ['n', 4, 8, 8]));
  const y = b.conv(x, 4, { name: 'conv' });
  b.output(b.add(y, x));
  also(b, y);
  expect(residuals(b)).toEqual({ conv: null });
});

it('is none where an activation or the output itself comes between', () => {
  const b = new ModelBuilder();
  const x = b.relu(b.input('x', ['n', 4, 8, 8]));
  const y = b.conv(x, 4, { name: 'doubled' });
  const z = b.relu(b.conv(b.relu(b.add(y, y)), 4, { name: 'active' }));
  b.output(b.add(z, x));
  expect(residuals(b)).toEqual({ doubled: null, active: null });
});
