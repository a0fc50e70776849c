/**
 * What "close to the original" means for a model: what each of its outputs is, and on which tensors another version of the
 * model is compared with it. Everything that measures closeness asks here.
 */
import { OnnxError } from '../../common/fileErrors';
import { listed } from '../../common/words';
import { captured, Graph } from '../graph/graph';
import { bodiesOf, intAttribute, opsetOf, standardOp } from '../proto/attributes';
import type { ModelProto, NodeProto } from '../proto/onnx_pb';
import { TensorProto_DataType as DataType } from '../proto/onnx_pb';
import { elementTypes, NO_TENSOR } from './elementTypes';
import { type Influence, influenceOf } from './influence';
import type { Layer, Network } from './network';
import { isNoScoreByName, isStateByName, judgeScores, type Scores } from './scores';

/** What a user may say that an output is. */
export const OUTPUT_CHOICES = ['classes', 'regression', 'ignore'] as const;
export type OutputChoice = (typeof OUTPUT_CHOICES)[number];

export type OutputKind =
  /** Scores of classes: the arg max and the distribution count. */
  | 'classes'
  /** Numbers that count as such: features, boxes, pictures, waveforms. */
  | 'regression'
  /** A choice made from scores: equal or not. */
  | 'labels'
  /** How many rows there are, or in which order, depends on the weights: boxes after suppression, sorted scores. */
  | 'rows'
  /** No quantized weight reaches it: it stays as it is. */
  | 'fixed'
  | 'ignored';

export interface OutputFacts {
  name: string;
  kind: OutputKind;
  /** Tensors that are compared for it: the output itself, or what it is made from. */
  tensors: string[];
  /** Why it is taken for that, for people: "it comes out of a Softmax". */
  reason: string;
  /** Nothing but its last operator speaks for scores of classes. */
  isGuess?: boolean;
  /** How many rows it has depends on the weights. */
  isSized?: boolean;
  /** Its rows were picked as detections are: by a suppression, or as the best of a TopK. */
  isBoxes?: boolean;
}

/** A tensor of floats that is compared value by value. */
export interface ComparedTensor extends Pick<Scores, 'axis' | 'form' | 'classes'> {
  tensor: string;
  kind: 'classes' | 'regression';
  /** Handed on to the model's own next step: all such tensors together count as much as another one. */
  isState?: boolean;
  /** How sure that is: the user has said so, the graph does, or only its last operator speaks for it. */
  by: 'user' | 'graph' | 'guess';
}

export interface OutputPlan {
  outputs: OutputFacts[];
  compared: ComparedTensor[];
  /** Outputs that can be fetched as they are: tensors, in the model's order. */
  fetchable: string[];
}

/** How much each compared tensor counts beside the others: states as one. */
export function countsOf({ compared }: Pick<OutputPlan, 'compared'>): number[] {
  const states = compared.filter(({ isState }) => isState).length;
  return compared.map(({ isState }) => (isState ? 1 / states : 1));
}

const FLOATS: ReadonlySet<number> = new Set([
  DataType.FLOAT,
  DataType.FLOAT16,
  DataType.DOUBLE,
  DataType.BFLOAT16,
]);

const RESHAPING = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/**
 * @param network what is quantized; without a layer, whatever depends on an input counts
 * @param choices what the user says that outputs are, by name
 * @throws OnnxError for a choice that names no output
 */
export function planOutputs(
  model: ModelProto,
  { functions }: Pick<Network, 'functions'>,
  choices: Readonly<Record<string, OutputChoice>> = {},
): OutputPlan {
  const graph = new Graph(model.graph!);
  const layers = functions.flatMap((f) => f.layers);
  const influence = influenceOf(
    graph,
    new Set(layers.map(({ output }) => output)),
    layers.map(({ weight }) => weight),
  );
  const types = elementTypes(graph);
  const byOutput = new Map(layers.map((layer) => [layer.output, layer]));
  const walker = { graph, influence, types, opset: opsetOf(model), layers: byOutput };
  const names = model.graph!.output.map(({ name }) => name);
  const unknown = Object.keys(choices).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new OnnxError(`The model has no output "${unknown}"; its outputs are ${list(names)}.`);
  }
  const compared = new Map<string, ComparedTensor>();
  const outputs = model.graph!.output.map(({ name }): OutputFacts => {
    const choice = choices[name];
    if (choice === 'ignore') return { name, kind: 'ignored', tensors: [], reason: 'you said so' };
    if (!influence.reached.has(name))
      return { name, kind: 'fixed', tensors: [], reason: 'no quantized weight reaches it' };
    const found = sourcesOf(name, walker);
    const judged = found.map((source) => judge(source, name, choice, walker));
    for (const { reason: _, ...own } of judged) {
      const known = compared.get(own.tensor);
      // Two outputs of one tensor: the one that knows more about it.
      if (!known || (known.kind === 'regression' && own.kind === 'classes' && known.by !== 'user'))
        compared.set(own.tensor, own);
    }
    const tensors = judged.map(({ tensor }) => tensor);
    const [first] = judged;
    if (first?.tensor === name) {
      const isGuess = first.kind === 'classes' && first.by === 'guess';
      return { name, kind: first.kind, tensors, reason: first.reason, ...(isGuess ? { isGuess } : {}) };
    }
    const isDiscrete = influence.discrete.has(name) || !isFloat(types.get(name));
    const isRows = influence.sized.has(name) || (influence.chosen.has(name) && !isDiscrete);
    const isWhole = types.get(name) !== NO_TENSOR && isDiscrete;
    const kind = isRows ? 'rows' : isWhole ? 'labels' : (first?.kind ?? 'fixed');
    return {
      name,
      kind,
      tensors,
      reason: reasonOf(kind, tensors),
      ...(influence.sized.has(name) ? { isSized: true } : {}),
      ...(influence.boxes.has(name) ? { isBoxes: true } : {}),
    };
  });
  const fetchable = model
    .graph!.output.map(({ name }) => name)
    .filter((name) => types.get(name) !== NO_TENSOR);
  return { outputs, compared: [...compared.values()], fetchable: [...new Set(fetchable)] };
}

function reasonOf(kind: OutputKind, tensors: readonly string[]): string {
  const from = tensors.length > 0 ? `; compared by ${list(tensors)}, which it is made from` : '';
  switch (kind) {
    case 'rows':
      return `how many rows it has, or in which order, depends on the weights${from}`;
    case 'labels':
      return `it holds labels or marks, equal or not${from}`;
    case 'fixed':
      return 'nothing before it can be compared';
    default:
      return `it is no plain tensor${from}`;
  }
}

const list = (names: readonly string[]): string => listed(names.map((name) => `"${name}"`));

const isFloat = (type: number | undefined): boolean => FLOATS.has(type ?? DataType.FLOAT);

interface Walker {
  graph: Graph;
  influence: Influence;
  types: ReadonlyMap<string, number>;
  opset: number;
  layers: ReadonlyMap<string, Layer>;
}

interface Source {
  tensor: string;
  /** Along which something takes the largest of it. */
  argMaxAxis: number | null;
}

/** The nearest tensors before (or at) an output that hold floats, in a number and order that do not depend on weights. */
function sourcesOf(output: string, { graph, influence, types }: Walker): Source[] {
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

function judge(
  { tensor, argMaxAxis }: Source,
  output: string,
  choice: OutputChoice | undefined,
  walker: Walker,
): ComparedTensor & { reason: string } {
  const seen = judgeScores(tensor, output, walker);
  const by = choice ? 'user' : argMaxAxis !== null ? 'graph' : (seen?.by ?? 'graph');
  const plain = { tensor, axis: null, form: null, by } as const;
  if (choice === 'regression') return { ...plain, kind: 'regression', reason: 'you said so' };
  if (choice === 'classes') {
    return {
      ...plain,
      kind: 'classes',
      axis: argMaxAxis ?? seen?.axis ?? null,
      form: seen?.form ?? null,
      reason: 'you said so',
    };
  }
  if (argMaxAxis !== null) {
    const reason = `the largest of its numbers is taken for "${output}"`;
    return { ...plain, kind: 'classes', axis: argMaxAxis, form: seen?.form ?? null, reason };
  }
  if (seen && !(seen.by === 'guess' && isNoScoreByName(output)))
    return { ...plain, ...seen, kind: 'classes' };
  if (isStateByName(output))
    return {
      ...plain,
      kind: 'regression',
      isState: true,
      reason: 'its name says that it is a cache or a state',
    };
  return { ...plain, kind: 'regression', reason: 'nothing says that its numbers are scores of classes' };
}
