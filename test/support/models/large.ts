/** Graphs that are large, or small files that unfold into something large: what must not take long, and never hang. */
import type { ModelProto } from '../../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from './builder';

/** 10,200 nodes: 3,400 convolutions, each added to its input. */
export function longChain(): ModelProto {
  const b = new ModelBuilder();
  let x = b.input('x', ['n', 2, 4, 4]);
  for (let i = 0; i < 3400; i++) x = b.relu(b.add(b.conv(x, 2), x));
  return b.output(x).build();
}

/** A list of sizes that is joined to itself 200 times. */
export function doubledSizes(): ModelProto {
  const b = new ModelBuilder();
  let list = b.op('Shape', [b.input('x', [1, 2])]);
  for (let i = 0; i < 200; i++) list = b.op('Concat', [list, list], { axis: 0 });
  return b.output(b.op('ConstantOfShape', [list])).build();
}

/** A tensor of 100,000 axes that goes through 2,000 nodes. */
export function manyAxes(): ModelProto {
  const b = new ModelBuilder();
  let x = b.op('Unsqueeze', [b.input('x', [1])], { axes: Array.from({ length: 100_000 }, (_, i) => i) });
  for (let i = 0; i < 2_000; i++) x = b.op('Neg', [x]);
  return b.output(x).build();
}
