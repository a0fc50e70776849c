import { writeFile } from 'node:fs/promises';
import { buildExtension } from '../build';
import { useDesktop } from '../desktop';
import { runHostTests } from '../host';
import { bundleHostTests } from '../host-bundle';
import { root } from '../paths';
import { exampleWorkspace, removeWorkspace } from '../workspace';

/** Runs test/host and returns the exit code; `json` names a file that takes the counts. */
export async function runHost(options: { json?: string; grep?: string }): Promise<number> {
  await buildExtension();
  const tests = await bundleHostTests();
  const workspace = await exampleWorkspace();
  try {
    const counts = await runHostTests({
      target: { workspace, extension: root, tests },
      desktop: useDesktop(),
      grep: options.grep,
      log: console.log,
    });
    if (options.json) await writeFile(options.json, JSON.stringify(counts));
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
  } finally {
    await removeWorkspace(workspace);
  }
}
