/** Names for the tensors that unpack weights: no clash with the file's own, and short, for names are bytes too. */
import type { GraphProto } from '../proto/onnx_pb';

export interface AddedNames {
  /** Name of the n-th tensor that unpacks the weight with this index. */
  forWeight: (weight: number, n: number) => string;
  /** Name of the n-th tensor that all weights share. */
  shared: (n: number) => string;
  /** Name of the n-th tensor that quantizes the activation with this index. */
  forTensor: (tensor: number, n: number) => string;
  /** Name of the n-th tensor that the integer layer with this index reads. */
  forLayer: (layer: number, n: number) => string;
  /** Name of the n-th tensor that all activations share. */
  forActivations: (n: number) => string;
}

/**
 * Names that start with a prefix no tensor of the graph (or of its subgraphs) starts with. All names of one weight
 * have the same length whatever the weight, so that sizes can be predicted one by one; hence the number of weights.
 */
export function addedNames(graph: GraphProto, weights: number): AddedNames {
  const used = [...tensorNames(graph)];
  let prefix = '~';
  while (used.some((name) => name.startsWith(prefix))) prefix += '~';
  const digits = Math.max(1, weights - 1).toString(36).length;
  return {
    forWeight: (weight, n) => prefix + letter(n) + weight.toString(36).padStart(digits, '0'),
    shared: (n) => `${prefix}~${n.toString(36)}`,
    forTensor: (tensor, n) => `${prefix}-${letter(n)}${tensor.toString(36)}`,
    forLayer: (layer, n) => `${prefix}_${letter(n)}${layer.toString(36)}`,
    forActivations: (n) => `${prefix}.${n.toString(36)}`,
  };
}

/** One character, and more only for a table that many nodes pick rows of. */
function letter(n: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  return letters[n % letters.length] + '~'.repeat(Math.floor(n / letters.length));
}

function* tensorNames(graph: GraphProto): Generator<string> {
  for (const value of [...graph.input, ...graph.output, ...graph.initializer]) yield value.name;
  for (const node of graph.node) {
    yield* node.input;
    yield* node.output;
    for (const attribute of node.attribute) {
      if (attribute.g) yield* tensorNames(attribute.g);
      for (const inner of attribute.graphs) yield* tensorNames(inner);
    }
  }
}
