/** Gram matrices of a model that takes batches: all samples at once, or every pair of blocks of them. */
import { collectGarbage } from '../ort/memory';
import { type BatchProbe, closeBatchProbe, headsOf } from './batchProbe';
import { outputName } from './gramHeads';
import type { Grams } from './grams';
import type { ScoringContext } from './scoringContext';

/**
 * @param indices of the functions
 * @param blockSize samples.size or more: one run
 * @param onProgress share of the runs that are done
 */
export async function gramsByBlocks(
  context: ScoringContext,
  probed: BatchProbe,
  indices: readonly number[],
  blockSize: number,
  grams: Grams,
  onProgress: (share: number) => void,
): Promise<void> {
  const { model, layouts, exact } = probed;
  const reused = probed.session !== null && indices.length === layouts.length && exact.size === 0;
  // Two sessions at once would hold the weights twice.
  if (!reused) await closeBatchProbe(probed);
  const session = reused
    ? probed.session!
    : await context.openHeads(
        model,
        headsOf(
          context,
          layouts,
          indices,
          layouts.map((_, index) => index),
          (index) => (exact.has(index) ? ['gram', 'exact'] : ['gram']),
        ),
      );
  try {
    const runs = blockPairs(context.samples.size, blockSize);
    for (const [done, samples] of runs.entries()) {
      // The first row is the reference of the exact heads: the same sample in every run.
      const rows = samples[0] === 0 ? samples : [null, ...samples];
      const outputs = await context.run(
        session,
        rows.map((row) => row ?? 0),
      );
      for (const index of indices) {
        grams.put('gram', index, outputs[outputName('gram', index)] as Float32Array, rows);
        if (exact.has(index)) {
          grams.put('exact', index, outputs[outputName('exact', index)] as Float32Array, rows);
        }
      }
      if (runs.length > 1) collectGarbage();
      onProgress((done + 1) / runs.length);
    }
  } finally {
    if (session !== probed.session) await session.close();
  }
}

/** The samples of each run, such that every two samples meet in one. */
function blockPairs(count: number, blockSize: number): number[][] {
  const blocks: number[][] = [];
  for (let start = 0; start < count; start += blockSize) {
    blocks.push(Array.from({ length: Math.min(blockSize, count - start) }, (_, i) => start + i));
  }
  if (blocks.length === 1) return blocks;
  return blocks.flatMap((a, i) => blocks.slice(i + 1).map((b) => [...a, ...b]));
}
