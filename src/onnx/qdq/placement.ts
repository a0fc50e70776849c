/**
 * Which layers run on integers and which tensors become 8-bit activations, so that ONNX Runtime finds whole chains of
 * integer kernels: convolution with its batch norm and Relu, residual sums, pools and concatenations.
 */
import { OnnxError } from '../../common/fileErrors';
import type { Graph } from '../graph/graph';
import type { Layer, Network } from '../network/network';
import { findAttribute, intAttribute, standardOp } from '../proto/attributes';
import { TensorProto_DataType as DataType, type NodeProto } from '../proto/onnx_pb';

const ACTIVATIONS = new Set([
  'Relu',
  'Clip',
  'LeakyRelu',
  'Sigmoid',
  'Tanh',
  'HardSigmoid',
  'Elu',
  'Softplus',
]);

export interface IntegerLayer {
  layer: Layer;
  node: NodeProto;
  /** The batch norm that is folded into its scales and bias. */
  norm: NodeProto | null;
  /** Stored tensor of its bias; null where it has none. */
  bias: string | null;
}

export interface ActivationTensor {
  tensor: string;
  /** The tensor whose grid it shares, because its values are that tensor's; null: it has its own. */
  like: string | null;
  bits: number;
}

export interface Placement {
  layers: IntegerLayer[];
  /** In the order in which they are computed. */
  tensors: ActivationTensor[];
}

/** Per-channel DequantizeLinear came with it. */
export const LEAST_OPSET = 13;

/** Their output holds values of their input, so both share a grid. */
const SAME_GRID = new Set(['MaxPool', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze']);

/** Have integer kernels of their own. */
const OWN_GRID = new Set([
  'Add',
  'Mul',
  'Concat',
  'GlobalAveragePool',
  'AveragePool',
  'Sigmoid',
  'LeakyRelu',
]);

/**
 * @param bits per function of the network: its layers' weights
 * @param activationBits of the inputs of all layers, or per function, but not of the first and the last function's, which
 * stay at 8 as everything does that no layer reads; a tensor that several functions read takes the widest of theirs
 * @throws OnnxError where the model cannot hold integer activations at all
 */
export function placeActivations(
  graph: Graph,
  network: Network,
  bits: readonly number[],
  activationBits: number | readonly number[],
): Placement {
  if (network.opset < LEAST_OPSET) {
    throw new OnnxError(
      `Activations can be quantized from opset ${LEAST_OPSET} on, and the model uses ${network.opset}, with nodes that have no exact counterpart there: quantize its weights only.`,
    );
  }
  const layers = integerLayers(graph, network, bits);
  if (layers.length === 0) {
    throw new OnnxError(
      'No layer of the model can run on integers (float32 weights at 2 to 8 bits in a Conv, Gemm or MatMul outside of branches): quantize its weights only.',
    );
  }
  const wanted = new Set<string>();
  for (const { layer, norm } of layers) {
    wanted.add(layer.input);
    if (needsIntegerOutput(graph, layer))
      wanted.add(activationEnd(graph, norm ? norm.output[0] : layer.output));
  }
  const { tensors, like } = extended(graph, wanted);
  const root = (tensor: string): string => {
    let at = tensor;
    for (let next = like.get(at); next !== undefined; next = like.get(at)) at = next;
    return at;
  };
  const outer = [network.functions[0], network.functions[network.functions.length - 1]];
  const outerInputs = new Set(outer.flatMap((each) => each.layers.map(({ input }) => root(input))));
  const inputs = new Map<string, number>();
  const integer = new Set(layers.map(({ layer }) => layer));
  network.functions.forEach((each, i) => {
    const own = typeof activationBits === 'number' ? activationBits : activationBits[i];
    for (const layer of each.layers) {
      const input = root(layer.input);
      if (integer.has(layer)) inputs.set(input, Math.max(own, inputs.get(input) ?? 0));
    }
  });
  const place = (tensor: string) => graph.producerIndex(tensor) ?? -1;
  return {
    layers,
    tensors: [...tensors]
      .sort((a, b) => place(a) - place(b))
      .map((tensor) => {
        const own = root(tensor);
        const width = outerInputs.has(own) ? undefined : inputs.get(own);
        return { tensor, like: own === tensor ? null : own, bits: width ?? 8 };
      }),
  };
}

/** Per function, whether a layer of it keeps float activations whatever its bits: it has no integer kernel, or lies in a branch. */
export function keepFloats(graph: Graph, network: Network): boolean[] {
  const found = integerLayers(
    graph,
    network,
    network.functions.map(() => 8),
  );
  const integer = new Set(found.map(({ layer }) => layer));
  return network.functions.map(({ layers }) => layers.some((layer) => !integer.has(layer)));
}

/**
 * A matrix product can put out floats as quickly, and does so where its output is the model's; a convolution cannot, nor a
 * Gemm that ONNX Runtime would fuse with its activation before it sees the integers.
 */
function needsIntegerOutput(graph: Graph, { op, output }: Layer): boolean {
  if (op !== 'Gemm') return op === 'Conv';
  const reader = onlyReader(graph, output);
  return reader !== null && ACTIVATIONS.has(standardOp(reader));
}

function integerLayers(graph: Graph, network: Network, bits: readonly number[]): IntegerLayer[] {
  const found = network.functions.flatMap(({ layers }, index) =>
    bits[index] > 8
      ? []
      : layers.flatMap((layer) => {
          const node = graph.producer(layer.output);
          return node && runsOnIntegers(graph, layer, node)
            ? [{ layer, node, norm: normAfter(graph, layer), bias: node.input[2] || null }]
            : [];
        }),
  );
  // A tensor that anything else reads, too, must stay a float in the file.
  const nodes = new Set(found.map(({ node }) => node));
  return found.filter(
    ({ layer: { weight } }) =>
      !graph.isOutput(weight) && graph.consumers(weight).every((index) => nodes.has(graph.order[index])),
  );
}

function runsOnIntegers(graph: Graph, layer: Layer, node: NodeProto): boolean {
  const isFloat = (name: string) => graph.stored(name)?.dataType === (DataType.FLOAT as number);
  if (layer.picks || node.input[1] !== layer.weight || !isFloat(layer.weight)) return false;
  const bias = node.input[2] ?? '';
  if (bias !== '' && !(isFloat(bias) && graph.stored(bias)!.dims.length === 1)) return false;
  switch (layer.op) {
    case 'Conv':
      return true;
    case 'Gemm':
      return (
        intAttribute(node, 'transA', 0) === 0 &&
        (findAttribute(node, 'alpha')?.f ?? 1) === 1 &&
        (findAttribute(node, 'beta')?.f ?? 1) === 1 &&
        (bias === '' || Number(graph.stored(bias)!.dims[0]) === layer.weightShape[layer.channelAxis])
      );
    case 'MatMul':
      return layer.weightShape.length === 2;
    case 'ConvTranspose':
    case 'Gather':
    case 'GatherElements':
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      // ONNX Runtime has no integer kernel for it.
      return false;
  }
}

/** The batch norm that alone reads the layer's output; null where there is none that can be folded. */
function normAfter(graph: Graph, { op, output }: Layer): NodeProto | null {
  const norm = op === 'Conv' ? onlyReader(graph, output) : null;
  if (!norm || standardOp(norm) !== 'BatchNormalization' || norm.input[0] !== output) return null;
  if (intAttribute(norm, 'training_mode', 0) !== 0) return null;
  if (norm.output.slice(1).some((name) => name !== '')) return null;
  const stored = norm.input.slice(1).map((name) => graph.stored(name));
  return stored.every((tensor) => tensor?.dataType === (DataType.FLOAT as number)) ? norm : null;
}

/** The tensor after a Relu or Clip that alone reads `tensor`: both disappear in the grid of their output. */
function activationEnd(graph: Graph, tensor: string): string {
  const node = onlyReader(graph, tensor);
  if (!node || node.input[0] !== tensor) return tensor;
  const op = standardOp(node);
  const fixed = node.input.slice(1).every((name) => name === '' || graph.isConstant(name));
  return op === 'Relu' || (op === 'Clip' && fixed) ? node.output[0] : tensor;
}

function onlyReader(graph: Graph, tensor: string): NodeProto | null {
  const readers = graph.consumers(tensor);
  return readers.length === 1 && !graph.isOutput(tensor) ? graph.order[readers[0]] : null;
}

/** The wanted tensors, and those between them that integer kernels can compute without a detour through floats. */
function extended(graph: Graph, wanted: ReadonlySet<string>) {
  const native = new Set(wanted);
  const sources = new Map<string, NodeProto>();
  for (const node of graph.order) {
    const op = standardOp(node);
    if (!SAME_GRID.has(op) && !OWN_GRID.has(op)) continue;
    if (node.output.length !== 1 || !dataInputs(node).every((name) => native.has(name))) continue;
    const tensor = OWN_GRID.has(op) ? activationEnd(graph, node.output[0]) : node.output[0];
    native.add(tensor);
    sources.set(tensor, node);
  }
  const tensors = new Set(wanted);
  const like = new Map<string, string>();
  // A Set visits what is added on the way.
  for (const tensor of tensors) {
    const node = sources.get(tensor);
    if (!node) continue;
    for (const name of dataInputs(node)) tensors.add(name);
    if (SAME_GRID.has(standardOp(node))) like.set(tensor, node.input[0]);
  }
  return { tensors, like };
}

function dataInputs(node: NodeProto): string[] {
  const op = standardOp(node);
  return op === 'Add' || op === 'Mul' || op === 'Concat' ? node.input : node.input.slice(0, 1);
}
