/** How close one model's outputs are to another's: plain sums over blocks of samples, by the plan of the outputs. */
import { BoxAgreement } from '../core/boxes';
import { add, ClassLikeness, EqualShare, Likeness, mean, relativeNoise } from '../core/metrics';
import { countsOf, type OutputPlan } from '../onnx/network/outputs';
import type { Comparison, OutputComparison, SimilaritySums } from './protocol';

/** The similarity of all outputs of two models, to which blocks, or whole shards of a job, are added. */
export class OutputSums {
  protected readonly tensors = new Map<string, { power: Likeness; classes: ClassLikeness | null }>();
  protected readonly labels = new Map<string, EqualShare>();
  protected readonly rows = new Map<string, number[]>();
  protected boxes: BoxAgreement | null = null;

  /** @param plan settled on the first model's outputs */
  constructor(protected readonly plan: OutputPlan) {
    for (const { tensor, kind, form } of plan.compared) {
      const classes = kind === 'classes' ? new ClassLikeness(form ?? 'scores') : null;
      this.tensors.set(tensor, { power: new Likeness(), classes });
    }
  }

  get sums(): SimilaritySums {
    return {
      tensors: [...this.tensors].map(([tensor, { power, classes }]) => ({
        tensor,
        power: [...power.sums],
        classes: classes && [...classes.sums],
      })),
      labels: [...this.labels].map(([output, { sums }]) => ({ output, sums: [...sums] })),
      rows: [...this.rows].map(([output, sums]) => ({ output, sums: [...sums] })),
      boxes: this.boxes && [...this.boxes.sums],
    };
  }

  plus({ tensors, labels, rows, boxes }: SimilaritySums): void {
    for (const { tensor, power, classes } of tensors) {
      const own = this.tensors.get(tensor);
      if (!own) continue;
      add(own.power.sums, power);
      if (classes && own.classes) add(own.classes.sums, classes);
    }
    for (const { output, sums } of labels) add(this.labelsOf(output).sums, sums);
    for (const { output, sums } of rows) add(this.rowsOf(output), sums);
    if (boxes) add((this.boxes ??= new BoxAgreement()).sums, boxes);
  }

  result(): Comparison {
    const compared = this.plan.compared.map(({ tensor }) => measured(this.tensors.get(tensor)!));
    const byTensor = new Map(this.plan.compared.map(({ tensor }, i) => [tensor, compared[i]]));
    const outputs = this.plan.outputs.map((facts): OutputComparison => {
      const own = facts.tensors.flatMap((name) => byTensor.get(name) ?? []);
      const equal = this.labels.get(facts.name)?.share ?? null;
      const rows = this.rows.get(facts.name);
      return {
        name: facts.name,
        kind: facts.kind,
        ...(facts.isGuess ? { isGuess: true } : {}),
        tensors: facts.tensors,
        sqnrDb: own.length > 0 ? decibels(mean(own.map(({ noise }) => noise))) : null,
        cosine: own.length > 0 ? Math.min(...own.map(({ cosine }) => cosine)) : null,
        agreement: equal ?? meanOf(own.map(({ agreement }) => agreement)),
        kl: meanOf(own.map(({ kl }) => kl)),
        ...(rows ? { sameRows: rows[0] / Math.max(1, rows[1]) } : {}),
      };
    });
    const counts = countsOf(this.plan);
    const scored = new Set(
      this.plan.compared.flatMap(({ tensor, kind }) => (kind === 'classes' ? tensor : [])),
    );
    // A choice made from scores that are compared says the same as these.
    const choices = outputs.flatMap(({ kind, agreement, tensors }) =>
      kind === 'labels' && agreement !== null && !tensors.some((name) => scored.has(name)) ? agreement : [],
    );
    return {
      agreement: meanOf([...compared.map(({ agreement }) => agreement), ...choices]),
      kl: meanOf(compared.map(({ kl }) => kl)),
      sqnrDb: decibels(
        mean(
          compared.map(({ noise }) => noise),
          counts,
        ),
      ),
      cost: mean(
        compared.map(({ kl, noise }) => kl ?? noise),
        counts,
      ),
      boxes: this.boxes?.agreement ?? null,
      outputs,
    };
  }

  protected labelsOf(output: string): EqualShare {
    let found = this.labels.get(output);
    if (!found) this.labels.set(output, (found = new EqualShare()));
    return found;
  }

  protected rowsOf(output: string): number[] {
    let found = this.rows.get(output);
    if (!found) this.rows.set(output, (found = [0, 0]));
    return found;
  }
}

interface MeasuredTensor {
  /** Over signal. */
  noise: number;
  cosine: number;
  agreement: number | null;
  kl: number | null;
}

function measured({ power, classes }: { power: Likeness; classes: ClassLikeness | null }): MeasuredTensor {
  const [signal, , , difference] = power.sums;
  const isClasses = classes !== null && classes.sums[0] > 0;
  return {
    noise: relativeNoise(difference, signal),
    cosine: power.cosine,
    agreement: isClasses ? classes.agreement : null,
    kl: isClasses ? classes.kl : null,
  };
}

const decibels = (noise: number): number => (noise === 0 ? Infinity : -10 * Math.log10(noise));

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : mean(known);
}
