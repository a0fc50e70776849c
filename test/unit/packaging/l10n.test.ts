import { expect, test } from 'vitest';
import { bundle, moved, read } from '../../../scripts/l10n/texts.mjs';

type Texts = Record<string, string>;

test('package.json only names the texts that package.nls.json has (npm run l10n moves them)', () => {
  const manifest = read('package.json') as object;
  const texts = read('package.nls.json') as Texts;
  expect(moved(manifest, texts)).toEqual({ manifest, texts });
  expect(Object.keys(texts).length).toBeGreaterThan(40);
  expect(JSON.stringify(manifest)).toContain('"title":"%commands.ompq.quantize.title%"');
});

test('a text that is named, but missing, is an error', () => {
  const manifest = { displayName: '%nothing%', description: 'd', contributes: {} };
  expect(() => moved(manifest, {})).toThrow('no text nothing');
});

test('l10n/bundle.l10n.json has every text of the extension', async () => {
  expect(read('l10n/bundle.l10n.json')).toEqual(await bundle());
});
