import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { reference } from '../../../scripts/docs/reference.mjs';
import { program } from '../../../src/cli/program';
import { root } from '../../support/vscode/paths';

const json = (name: string): Record<string, string> =>
  existsSync(join(root, name))
    ? (JSON.parse(readFileSync(join(root, name), 'utf8')) as Record<string, string>)
    : {};

test('docs/reference.md says what the definitions say (npm run docs writes it)', async () => {
  const file = join(root, 'docs/reference.md');
  const text = reference(json('package.json'), json('package.nls.json'), program());
  const expected = await format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
  expect(readFileSync(file, 'utf8')).toBe(expected);
});
