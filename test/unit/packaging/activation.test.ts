import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { root } from '../../support/vscode/paths';

test('activation loads little code, and no parser, solver or model reader', async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/extension.ts'],
    outdir: 'out/activation',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    external: ['vscode', 'onnxruntime-node', 'sharp'],
    metafile: true,
    write: false,
  });
  /** Output files that are there once activate() has run. */
  const loaded = new Set<string>();
  const load = (path: string): void => {
    const output = metafile.outputs[path];
    if (!output || loaded.has(path)) return;
    loaded.add(path);
    output.imports.filter(({ kind }) => kind === 'import-statement').forEach((each) => load(each.path));
  };
  load('out/activation/extension.js');
  const outputs = [...loaded].map((path) => metafile.outputs[path]);
  const sources = outputs.flatMap(({ inputs }) => Object.keys(inputs));
  expect(sources).toContain('src/features/commands.ts');
  // detect-libc says whether the platform is one that we have native files for
  const heavy = /^src\/(core|interop|pipeline)|^node_modules\/(?!detect-libc\/)/;
  expect(sources.filter((path) => heavy.test(path))).toEqual([]);
  expect(outputs.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(40_000);
});
