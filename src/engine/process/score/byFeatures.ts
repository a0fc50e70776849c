/**
 * Gram matrices from features that are fetched and collected: for models that take only a fixed number of samples, and
 * where memory is short. A Gram matrix is a sum over features, so a part of them is enough at a time.
 */
import { collectGarbage } from '../ort/memory';
import { padded } from '../ort/samples';
import type { Session } from '../ort/session';
import { type BatchProbe, closeBatchProbe, headsOf } from './batchProbe';
import { gramModel, outputName } from './gramHeads';
import type { Grams } from './grams';
import { rowsFeed, type ScoringContext } from './scoringContext';

/** Features [from, to) of one function. */
interface FeatureRange {
  index: number;
  from: number;
  to: number;
}

/**
 * @param indices of the functions
 * @param batch samples per run
 * @param columns features to collect per pass, over all functions
 */
export async function gramsByFeatures(
  context: ScoringContext,
  probed: BatchProbe,
  indices: readonly number[],
  batch: number,
  columns: number,
  grams: Grams,
  onProgress: (share: number) => void,
): Promise<void> {
  const { layouts, exact } = probed;
  await closeBatchProbe(probed);
  // Cut for all functions, whichever are asked for: the sums of a function's parts are then always the same.
  const asked = new Set(indices);
  const everything = layouts.map((_, index) => index);
  const passes = partsByPass(everything, (index) => layouts[index].features, columns)
    .map((all) => ({ all, parts: all.filter(({ index }) => asked.has(index)) }))
    .filter(({ parts }) => parts.length > 0);
  const count = context.samples.size;
  const gramSession = await context.open(
    gramModel(
      probed.model,
      indices.some((index) => exact.has(index)),
    ),
  );
  try {
    for (const [pass, { all, parts }] of passes.entries()) {
      const others = all.map(({ index }) => index);
      const wanted = [...new Set(parts.map(({ index }) => index))];
      const session = await context.openHeads(
        probed.model,
        headsOf(context, layouts, wanted, others, () => ['rows']),
      );
      const collected = parts.map(({ from, to }) => new Float32Array(count * (to - from)));
      try {
        for (let start = 0; start < count; start += batch) {
          const rows = Array.from({ length: Math.min(batch, count - start) }, (_, i) => start + i);
          const outputs = await context.run(session, padded(rows, probed.batch ?? rows.length));
          parts.forEach((part, p) => {
            const features = outputs[outputName('rows', part.index)] as Float32Array;
            copyColumns(features, layouts[part.index].features, part, rows, collected[p]);
          });
          collectGarbage();
          onProgress((pass + (start + rows.length) / count) / passes.length);
        }
      } finally {
        await session.close();
      }
      for (const [p, part] of parts.entries()) {
        await addGram(context, gramSession, collected[p], part, exact, grams);
        collected[p] = new Float32Array(0);
      }
    }
  } finally {
    await gramSession.close();
  }
}

function copyColumns(
  features: Float32Array,
  width: number,
  { from, to }: FeatureRange,
  rows: readonly number[],
  target: Float32Array,
): void {
  rows.forEach((sample, row) => {
    target.set(features.subarray(row * width + from, row * width + to), sample * (to - from));
  });
}

async function addGram(
  context: ScoringContext,
  session: Session,
  rows: Float32Array,
  part: FeatureRange,
  exact: ReadonlySet<number>,
  grams: Grams,
): Promise<void> {
  await context.job.checkpoint();
  const count = context.samples.size;
  const dims = [count, part.to - part.from];
  const outputs = await session.run({ rows: { type: 'float32', data: rows, dims }, ...rowsFeed(count) });
  const all = Array.from({ length: count }, (_, i) => i);
  grams.put('gram', part.index, outputs[outputName('gram', 0)] as Float32Array, all, 'add');
  if (exact.has(part.index)) {
    grams.put('exact', part.index, outputs[outputName('exact', 0)] as Float32Array, all, 'add');
  }
}

/** Cuts the functions' features into passes of at most `columns`; a function that is too wide comes in parts. */
function partsByPass(
  indices: readonly number[],
  featuresOf: (index: number) => number,
  columns: number,
): FeatureRange[][] {
  const passes: FeatureRange[][] = [];
  let current: FeatureRange[] = [];
  let room = columns;
  for (const index of indices) {
    const features = featuresOf(index);
    for (let from = 0; from < features;) {
      if (room === 0) {
        passes.push(current);
        current = [];
        room = columns;
      }
      const to = Math.min(features, from + room);
      current.push({ index, from, to });
      room -= to - from;
      from = to;
    }
  }
  if (current.length > 0) passes.push(current);
  return passes;
}
