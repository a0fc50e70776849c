/** What the file leaves open about a model's outputs, decided by the values of the first samples. */
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { areProbabilities, argMax, logsOf, logSoftmax } from '../../../core/metrics';
import type { ComparedTensor, OutputPlan } from '../../../onnx/network/outputs';
import type { Feeds } from '../ort/session';

/**
 * Mean divergence from the uniform distribution, as a share of the most there could be, below which numbers choose no class:
 * trained classifiers are far above it, vectors of features below.
 */
const LEAST_CHOICE = 0.05;
/** Numbers of which nearly always the same is the largest are coordinates or the like: so many at most, in so many rows. */
const FEW_NUMBERS = 8;
const ROWS_TO_JUDGE = 8;
const NEARLY_ALWAYS = 0.95;

/**
 * @param reference the float model's compared tensors for the first block of samples
 * @param count samples in that block
 * @param labels classes of all samples: where no output looks like scores of classes, one
 * that has room for them is taken for that
 */
export function settle(
  plan: OutputPlan,
  reference: Feeds,
  count: number,
  labels: Int32Array | null = null,
): OutputPlan {
  let compared = plan.compared.map((one) =>
    settleTensor(one, reference[one.tensor] as Feeds[string] | undefined, count),
  );
  if (labels && compared.every(({ kind, by }) => kind !== 'classes' && by !== 'user')) {
    const most = labels.reduce((a, b) => Math.max(a, b), 1);
    const found = compared.find(({ tensor }) => {
      const { dims } = reference[tensor];
      return dims[0] === count && dims[1] > most && dims.slice(2).every((size) => size === 1);
    });
    compared = compared.map((one) =>
      one === found
        ? settleTensor({ ...one, kind: 'classes', by: 'user' }, reference[one.tensor], count)
        : one,
    );
  }
  const outputs = plan.outputs.map((facts) => {
    const own = compared.find(({ tensor }) => tensor === facts.name);
    if (!own || own.kind === facts.kind) return facts;
    const reason =
      own.kind === 'classes' ? 'the data have labels for it' : 'its values are no scores of classes';
    return { ...facts, kind: own.kind, reason };
  });
  return { ...plan, compared, outputs };
}

function settleTensor(one: ComparedTensor, tensor: Feeds[string] | undefined, count: number): ComparedTensor {
  if (one.kind !== 'classes' || !tensor) return one;
  const axis = axisOf(one, tensor, count);
  const plain: ComparedTensor = { ...one, kind: 'regression', axis: null, form: null };
  if (axis === null) return plain;
  const settled: ComparedTensor = { ...one, axis };
  const { data, classes } = classRows(settled, tensor);
  if (one.form === 'independent') return settled;
  if (classes < 2) return plain;
  if (one.by === 'guess' && one.classes !== undefined && one.classes !== classes) return plain;
  // Sums of one can be chance in a single row of scores, but no score is negative then either.
  const form = one.form ?? (areProbabilities(data, classes) ? 'probabilities' : 'scores');
  if (one.by === 'guess' && !isChoice(data, classes, form)) return plain;
  return { ...settled, form };
}

/** Axis of the classes, from the front; null: the tensor has none. */
function axisOf({ axis, by }: ComparedTensor, { dims }: Feeds[string], count: number): number | null {
  const { length: rank } = dims;
  if (axis !== null) {
    const found = axis < 0 ? axis + rank : axis;
    return found >= 0 && found < rank ? found : null;
  }
  if (rank === 1 && count === 1) return 0;
  const isFlat = dims[0] === count && dims.slice(2).every((size) => size === 1);
  if (isFlat && rank > 1) return 1;
  return by === 'user' && rank > 0 ? rank - 1 : null;
}

/** Do rows tell classes apart? Else they are features, coordinates ... */
function isChoice(data: ArrayLike<number>, classes: number, form: 'scores' | 'probabilities'): boolean {
  const logs = form === 'probabilities' ? logsOf : logSoftmax;
  const rows = Math.min(1024, Math.floor(data.length / classes));
  const winners = new Map<number, number>();
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (const log of logs(data, row * classes, classes)) {
      if (log > -Infinity) sum += Math.exp(log) * (log + Math.log(classes));
    }
    const winner = argMax(data, row * classes, classes);
    winners.set(winner, (winners.get(winner) ?? 0) + 1);
  }
  if (sum < LEAST_CHOICE * Math.log(classes) * rows) return false;
  const isJudged = classes <= FEW_NUMBERS && rows >= ROWS_TO_JUDGE;
  return !isJudged || Math.max(...winners.values()) < NEARLY_ALWAYS * rows;
}

/** [rows, classes], the rows of a sample one after the other. */
export function classRows(
  { axis, form }: ComparedTensor,
  tensor: Feeds[string],
): { data: ArrayLike<number>; classes: number } {
  const data = numbers(tensor);
  if (form === 'independent') return { data, classes: 1 };
  const { dims } = tensor;
  const at = axis ?? dims.length - 1;
  const classes = dims[at] ?? 1;
  const inner = dims.slice(at + 1).reduce((all, size) => all * size, 1);
  if (inner === 1) return { data, classes };
  const moved = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const outer = Math.floor(i / (classes * inner));
    const c = Math.floor(i / inner) % classes;
    moved[(outer * inner + (i % inner)) * classes + c] = data[i];
  }
  return { data: moved, classes };
}
