import { transform } from 'esbuild';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const types = createRequire(import.meta.url)
  .resolve('@types/vscode/package.json')
  .replace('package.json', 'index.d.ts');

/** What we use of VS Codes younger than the oldest one that we run in: undefined where it is not there. */
const YOUNGER = ['LanguageModelTextPart', 'LanguageModelToolResult', 'McpStdioServerDefinition'];

/** `import * as vscode` copies the whole API once per file; names imported one by one cost nothing. */
export const vscodeByName = {
  name: 'vscode-by-name',
  setup(build) {
    build.onResolve({ filter: /^vscode$/ }, ({ namespace }) =>
      namespace === 'vscode' ? { path: 'vscode', external: true } : { path: 'vscode', namespace: 'vscode' },
    );
    build.onLoad({ filter: /.*/, namespace: 'vscode' }, async () => {
      const declared = (await readFile(types, 'utf8')).matchAll(
        /^\texport (?:abstract )?(?:class|namespace|enum|const) (\w+)/gm,
      );
      const names = new Set([...[...declared].map(([, name]) => name), ...YOUNGER]);
      return { contents: `export { ${[...names].join(', ')} } from 'vscode';` };
    });
  },
};

/** Writes what was built, ES modules because esbuild splits no others, as the CommonJS that VS Code loads. */
export const commonJs = {
  name: 'common-js',
  setup(build) {
    const { target, minify, sourcemap } = build.initialOptions;
    build.onEnd(async ({ outputFiles = [] }) => {
      for (const { path, text } of outputFiles.filter((file) => file.path.endsWith('.js'))) {
        const map = outputFiles.find((file) => file.path === `${path}.map`);
        const inline = map
          ? `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map.contents).toString('base64')}`
          : '';
        const { code, map: mapped } = await transform(text + inline, {
          ...{ target, minify, sourcefile: path, sourcemap: sourcemap ? 'external' : false },
          format: 'cjs',
          platform: 'node',
          supported: { 'dynamic-import': false },
        });
        await mkdir(dirname(path), { recursive: true });
        await writeFile(
          path,
          sourcemap ? `${code}//# sourceMappingURL=${path.split(/[\\/]/).pop()}.map\n` : code,
        );
        if (sourcemap) await writeFile(`${path}.map`, mapped);
      }
    });
  },
};
