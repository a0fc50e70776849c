/**
 * What "close to the original" means for a model: what each of its outputs is, and on which tensors another version of the
 * model is compared with it. Everything that measures closeness asks here.
 */
import { OnnxError } from '../../common/fileErrors';
import { listed } from '../../common/words';
import { Graph } from '../graph/graph';
import { opsetOf } from '../proto/attributes';
import type { ModelProto } from '../proto/onnx_pb';
import { elementTypes } from './elementTypes';
import { type Influence, influenceOf } from './influence';
import type { Layer, Network } from './network';
import { isFetchable, isFloat, type Source, sourcesOf } from './outputSources';
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
    const isWhole = isFetchable(types.get(name)) && isDiscrete;
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
    .filter((name) => isFetchable(types.get(name)));
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

interface Walker {
  graph: Graph;
  influence: Influence;
  types: ReadonlyMap<string, number>;
  opset: number;
  layers: ReadonlyMap<string, Layer>;
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
