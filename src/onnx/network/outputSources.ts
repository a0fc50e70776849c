/** What an output is made from: the tensors before it that two versions of a model can be compared by. */
import { NO_TENSOR } from './elementTypes';
import { captured, type Graph } from '../graph/graph';
import { bodiesOf, intAttribute, standardOp } from '../proto/attributes';
import { TensorProto_DataType as DataType, type NodeProto } from '../proto/onnx_pb';
import type { Influence } from './influence';

/** Types that outputs are compared by; bfloat16 and what is narrower cannot be fetched, and count by what they are made from. */
const FLOATS: ReadonlySet<number> = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE]);

const RESHAPING = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

export const isFloat = (type: number | undefined): boolean => FLOATS.has(type ?? DataType.FLOAT);

/** Can the runtime hand over a tensor of that type? */
export const isFetchable = (type: number | undefined): boolean =>
  type !== NO_TENSOR && (type === undefined || type <= (DataType.UINT64 as number));

interface Where {
  graph: Graph;
  influence: Influence;
  types: ReadonlyMap<string, number>;
}

export interface Source {
  tensor: string;
  /** Along which something takes the largest of it. */
  argMaxAxis: number | null;
}

/** The nearest tensors before (or at) an output that hold floats, in a number and order that do not depend on weights. */
export function sourcesOf(output: string, { graph, influence, types }: Where): Source[] {
  const { reached, sized, chosen, discrete } = influence;
  const found = new Map<string, Source>();
  const seen = new Set<string>();
  const waiting: Source[] = [{ tensor: output, argMaxAxis: null }];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { tensor } = next;
    // Weights are no values that a model computes.
    if (!reached.has(tensor) || (tensor !== output && graph.isConstant(tensor))) continue;
    const isClose = !sized.has(tensor) && !chosen.has(tensor) && !discrete.has(tensor);
    if (isClose && isFloat(types.get(tensor))) {
      // Where nothing depends on how it lies, the tensor before it does as well, and is compared once.
      const own =
        tensor === output || next.argMaxAxis !== null
          ? next
          : { ...next, tensor: beforeLayout(tensor, graph) };
      const known = found.get(own.tensor);
      if (!known || known.argMaxAxis === null) found.set(own.tensor, own);
      continue;
    }
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    const node = graph.producer(tensor);
    if (!node) continue;
    const argMaxAxis = axisOfChoice(node);
    const read = [...node.input, ...bodiesOf(node).flatMap((body) => [...captured(body)])];
    for (const name of read) if (name !== '') waiting.push({ tensor: name, argMaxAxis });
  }
  return [...found.values()];
}

function beforeLayout(tensor: string, graph: Graph): string {
  let name = tensor;
  for (;;) {
    const node = graph.producer(name);
    if (!node || graph.isOutput(name) || !RESHAPING.has(standardOp(node))) return name;
    name = node.input[0] ?? '';
  }
}

function axisOfChoice(node: NodeProto): number | null {
  switch (standardOp(node)) {
    case 'ArgMax':
      return intAttribute(node, 'axis', 0);
    case 'Hardmax':
      return intAttribute(node, 'axis', -1);
    default:
      return null;
  }
}
