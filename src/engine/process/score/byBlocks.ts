/** Gram matrices of a model that takes batches: all samples at once, or every pair of blocks of them. */
import type { Grams } from './grams';
import { outputName } from './gramHeads';
import { collectGarbage } from '../ort/memory';
import { closeSurvey, headsOf, type Surveyed } from './survey';
import type { Workbench } from './workbench';

/**
 * @param indices of the functions
 * @param blockSize samples.size or more: one run
 * @param onProgress share of the runs that are done
 */
export async function gramsInBlocks(
  bench: Workbench,
  surveyed: Surveyed,
  indices: readonly number[],
  blockSize: number,
  grams: Grams,
  onProgress: (share: number) => void,
): Promise<void> {
  const { model, layouts, exact } = surveyed;
  const surveys = surveyed.session !== null && indices.length === layouts.length && exact.size === 0;
  // Two sessions at once would hold the weights twice.
  if (!surveys) await closeSurvey(surveyed);
  const session = surveys
    ? surveyed.session!
    : await bench.openHeads(
        model,
        headsOf(
          bench,
          layouts,
          indices,
          layouts.map((_, index) => index),
          (index) => (exact.has(index) ? ['gram', 'exact'] : ['gram']),
        ),
      );
  try {
    const runs = blockPairs(bench.samples.size, blockSize);
    for (const [done, samples] of runs.entries()) {
      // The first row is the reference of the exact heads: the same sample in every run.
      const rows = samples[0] === 0 ? samples : [null, ...samples];
      const outputs = await bench.run(
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
    if (session !== surveyed.session) await session.close();
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
