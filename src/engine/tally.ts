/** An evaluation as sums over blocks of samples, added up in the order of the blocks: however the blocks are spread, the same. */
import { Accuracy, add } from '../core/metrics';
import type { OutputPlan } from '../onnx/network/outputs';
import { OutputSums } from './outputSums';
import type { EvaluateReply, Tally } from './protocol';

/** What the tallies of all blocks, in their order, come to. */
export function outcome(
  tallies: readonly Tally[],
  models: readonly { path: string; bytes: number }[],
  plan: OutputPlan,
): Pick<EvaluateReply, 'samples' | 'models' | 'against'> {
  const accuracies = models.map(() => new Accuracy());
  const similarity = new OutputSums(plan);
  for (const tally of tallies) {
    tally.accuracies?.forEach((sums, i) => add(accuracies[i].sums, sums));
    if (tally.similarity) similarity.plus(tally.similarity);
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
    against: models.length < 2 ? null : similarity.result(),
  };
}
