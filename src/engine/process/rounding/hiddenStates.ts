/** What the recurrent weights of a layer see: the hidden state before each step. */
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { directionsOf, INPUT } from '../../../onnx/network/recurrent';
import { node as makeNode } from '../../../onnx/proto/build';
import { type NodeProto, NodeProtoSchema, type TensorProto } from '../../../onnx/proto/onnx_pb';
import { shallowCopy } from '../../../onnx/proto/shallowCopy';
import type { LayerwiseRun } from './layerwiseRun';
import type { Tensors } from './positions';

const STATES = 'ompq_hidden';
const INITIAL = 'ompq_initial';

/**
 * Per block [steps, batch, directions x hidden], from the layer's own run: what it has put out the step before, and its
 * initial state before the first one (the last, in reverse). Where a GRU gates the state before it is multiplied
 * (linear_before_reset = 0), a third of the rows see somewhat less than this.
 */
export async function hiddenStates(
  node: NodeProto,
  prefix: LayerwiseRun,
  replaced: ReadonlyMap<string, TensorProto>,
): Promise<Tensors> {
  const directions = directionsOf(node)!;
  const given = node.input[INPUT.initial] ?? '';
  const nodes = [
    shallowCopy(NodeProtoSchema, node, { output: [STATES] }),
    ...(given === '' ? [] : [makeNode('Identity', [given], [INITIAL])]),
  ];
  const outputs = given === '' ? [STATES] : [STATES, INITIAL];
  const blocks = (await prefix.probe(nodes, outputs, replaced)).map(
    (feeds): ReturnType<Tensors['tensor']> => {
      const [steps, count, batch, hidden] = feeds[STATES].dims;
      const states = numbers(feeds[STATES]);
      const initial = given === '' ? null : numbers(feeds[INITIAL]);
      const data = new Float32Array(states.length);
      const row = (values: ArrayLike<number> | null, from: number, to: number) => {
        for (let h = 0; values && h < hidden; h++) data[to + h] = values[from + h];
      };
      for (let t = 0; t < steps; t++) {
        directions.forEach((direction, d) => {
          const before = t - direction;
          for (let b = 0; b < batch; b++) {
            const to = ((t * batch + b) * count + d) * hidden;
            if (before < 0 || before >= steps) row(initial, (d * batch + b) * hidden, to);
            else row(states, ((before * count + d) * batch + b) * hidden, to);
          }
        });
      }
      return { type: 'float32', data, dims: [steps, batch, count * hidden] };
    },
  );
  return { blockCount: prefix.blockCount, tensor: (block) => blocks[block] };
}
