/**
 * How long reading a network takes where the graph is large, or unfolds into something large. Processor time in
 * milliseconds, the least of five.
 *
 * node bench/run.mjs graphs
 */
import { listModel } from '../src/onnx/listing/listing';
import { findNetwork } from '../src/onnx/network/functions';
import type { ModelProto } from '../src/onnx/proto/onnx_pb';
import { doubledSizes, longChain, manyAxes } from '../test/support/models/large';

const cases: [string, () => ModelProto, (model: ModelProto) => unknown][] = [
  ['functions of 10,200 nodes', longChain, (model) => findNetwork(model, { granularity: 'block' })],
  ['listing of 10,200 nodes', longChain, listModel],
  ['functions behind a list doubled 200 times', doubledSizes, (model) => findNetwork(model)],
  ['functions behind 100,000 axes', manyAxes, (model) => findNetwork(model)],
];

console.log('| what | ms |\n|---|---|');
for (const [name, build, work] of cases) {
  const model = build();
  const times = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage();
    work(model);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  console.log(`| ${name} | ${Math.min(...times).toFixed(0)} |`);
}
