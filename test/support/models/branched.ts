/** A network with layers in the branches of an If, as exporters of models for several sample rates write them. */
import { node, tensor, valueInfo } from '../../../src/onnx/proto/build';
import { graphBody } from '../../support/models/graphBody';
import {
  type GraphProto,
  type ModelProto,
  TensorProto_DataType as DataType,
} from '../../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from './builder';

const { BOOL, FLOAT, INT64 } = DataType;

/**
 * x [n, 24] and the number `mode` -> y [n, 24]. Both branches use the same names for layers, tensors and the If inside
 * them; both read the weight `shared` of the main graph, which a layer outside reads, too.
 * @param decide 'mode': 1 takes then, all else takes else; 'sample': the sign of the first value of x decides
 */
export function branched(decide: 'mode' | 'sample' = 'mode', opset = 17): ModelProto {
  const b = new ModelBuilder({ opset, seed: 11 });
  const x = b.input('x', ['n', 24]);
  const mode = b.input('mode', [], INT64);
  const one = b.store(tensor('one', [], BigInt64Array.of(1n)));
  const first = b.relu(b.matmul(x, 24, { name: 'first' }));
  const shared = b.weight('shared', [24, 24], 0.3);
  const outside = b.op('MatMul', [first, shared], {}, { name: 'outside' });
  const [isPositive, isOne] = ['is_positive', 'is_one'];
  b.op('Equal', [mode, one], {}, { name: 'equal', output: isOne });
  const [row, column] = ['row', 'column'].map((name) => b.store(tensor(name, [], BigInt64Array.of(0n))));
  const value = b.op('Gather', [b.op('Gather', [x, row], { axis: 0 }), column], { axis: 0 });
  b.op('Greater', [value, b.scalar('zero', 0)], {}, { output: isPositive });
  const weight = (name: string) => tensor(name, [24, 24], b.random.normals(576, 0.3));
  const out = (name: string) => [valueInfo(name, FLOAT, null)];

  const inner = (name: string): GraphProto =>
    graphBody(
      name,
      [
        node('Constant', [], ['v'], { value: weight('v') }),
        node('MatMul', ['t', 'v'], ['o'], {}, { name: 'deep' }),
      ],
      [],
      out('o'),
    );
  const around = (name: string): GraphProto =>
    graphBody(
      name,
      [
        node('MatMul', [outside, 'w'], ['h'], {}, { name: 'proj' }),
        node('Relu', ['h'], ['r']),
        node('MatMul', ['r', shared], ['t'], {}, { name: 'tied' }),
        node('Not', [isOne], ['c']),
        node(
          'If',
          ['c'],
          ['d'],
          { then_branch: inner(`${name}A`), else_branch: inner(`${name}B`) },
          { name: 'inside' },
        ),
        node('Add', ['d', 't'], ['e']),
      ],
      [],
      out('e'),
      [weight('w')],
    );
  const condition = decide === 'mode' ? isOne : isPositive;
  const y = b.op(
    'If',
    [condition],
    { then_branch: around('A'), else_branch: around('B') },
    { name: 'choose', output: 'chosen' },
  );
  b.graph.valueInfo.push(valueInfo(isOne, BOOL, []));
  b.setChannels(y, 24);
  b.output(b.matmul(b.relu(y), 24, { name: 'last' }), ['n', 24]);
  return b.build();
}
