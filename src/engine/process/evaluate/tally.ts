/** An evaluation as sums over blocks of samples, added up in the order of the blocks: however the blocks are spread, the same. */
import { Accuracy, add, OutputLikeness, type LikenessSums } from './similarity';
import type { EvaluateReply } from '../../protocol';

export interface Tally {
  samples: number;
  /** Classes of the scores; 0: the outputs are none. */
  classes: number;
  /** Per model, as in Accuracy; null without labels that fit. */
  accuracies: number[][] | null;
  /** Of the second model against the first; null where there is one. */
  likeness: LikenessSums | null;
}

/** What the tallies of all blocks, in their order, come to. */
export function outcome(
  tallies: readonly Tally[],
  models: readonly { path: string; bytes: number }[],
): Pick<EvaluateReply, 'samples' | 'models' | 'against'> {
  const accuracies = models.map(() => new Accuracy());
  const likeness = new OutputLikeness(models[0].path, models.at(-1)!.path);
  for (const tally of tallies) {
    tally.accuracies?.forEach((sums, i) => add(accuracies[i].sums, sums));
    if (tally.likeness) likeness.plus(tally.likeness);
  }
  const classes = tallies.findLast((tally) => tally.classes > 0)?.classes ?? 0;
  const judged = classes > 0 && tallies.every((tally) => tally.accuracies !== null || tally.classes === 0);
  return {
    samples: tallies.reduce((sum, { samples }) => sum + samples, 0),
    models: models.map((model, i) => ({
      ...model,
      top1: judged ? accuracies[i].top1 : null,
      top5: judged && classes > 5 ? accuracies[i].top5 : null,
    })),
    against: models.length < 2 ? null : likeness.result(),
  };
}
