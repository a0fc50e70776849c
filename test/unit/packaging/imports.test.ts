/** The rules of import bite: small trees that break them, given to the same configuration. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ompq-imports-'));
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json'])
    await cp(join(root, name), join(folder, name));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Names of the rules that the files break. */
async function broken(files: Record<string, string>): Promise<string[]> {
  for (const [name, text] of Object.entries({ 'webview/empty.ts': '', ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const cruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [cruise, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src', 'webview'];
  const stdout = await new Promise<string>((resolve) =>
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 64e6 }, (_error, output) => resolve(output)),
  );
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
}

it('lets a tree pass that keeps them', async () => {
  expect(
    await broken({
      'src/common/sizes.ts': 'export const size = 1;',
      'src/core/problem/problem.ts':
        "import { size } from '../../common/sizes'; export const twice = 2 * size;",
    }),
  ).toEqual([]);
});

it('finds a circle, of types alone, too', async () => {
  expect(
    await broken({
      'src/core/a.ts': "import type { B } from './b'; export interface A { b?: B }",
      'src/core/b.ts': "import type { A } from './a'; export interface B { a?: A }",
    }),
  ).toEqual(['no-circles']);
});

it.each([
  ['core', 'src/core/metrics.ts', 'src/onnx/proto/dims.ts'],
  ['onnx/proto', 'src/onnx/proto/dims.ts', 'src/onnx/graph/graph.ts'],
  ['core/problem', 'src/core/problem/problem.ts', 'src/core/solver/hull.ts'],
  ['pipeline', 'src/pipeline/score.ts', 'src/engine/process/main.ts'],
  ['engine/process/ort', 'src/engine/process/ort/session.ts', 'src/engine/process/score/score.ts'],
  ['cli', 'src/cli/score.ts', 'src/features/models.ts'],
  ['features', 'src/features/models.ts', 'src/cli/score.ts'],
  ['only-the-bit-map-sees-the-page', 'src/pipeline/score.ts', 'webview/protocol.ts'],
])('refuses by the rule "%s" that %s imports %s', async (name, from, to) => {
  const path = `${'../'.repeat(from.split('/').length - 1)}${to.slice(0, -3)}`;
  expect(
    await broken({
      [from]: `import type { T } from '${path}'; export type U = T;`,
      [to]: 'export type T = 1;',
    }),
  ).toContain(name);
});
