import { root } from './paths';
import { runToEnd } from './processes';

/** Builds the extension into dist/, so that VS Code never runs an older one than the source. */
export async function buildExtension(production = false): Promise<void> {
  await runToEnd(process.execPath, ['esbuild.mjs', ...(production ? ['--production'] : [])], {
    cwd: root,
    timeoutMs: 120_000,
  });
}
