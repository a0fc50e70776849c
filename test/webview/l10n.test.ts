// @vitest-environment node
/** That the page speaks the language of VS Code: with a made-up one, every text that it shows comes from the bundle. */
import { getL10nPseudoLocalized } from '@vscode/l10n-dev';
import { resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import english from '../../l10n/bundle.l10n.json';
import { openBrowser, serve, type Site } from './support/browser';

const pseudo = getL10nPseudoLocalized(english) as Record<string, string>;
let browser: Browser;
let site: Site;
beforeAll(async () => {
  [browser, site] = await Promise.all([openBrowser(), serve(resolve(import.meta.dirname, '../..'), pseudo)]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

describe('in another language', () => {
  it.each(['count=15&synthetic&contest', 'count=15&unscored'])('no text is English: %s', async (query) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
    await page.goto(`${site.url}/?${query}`);
    await page.locator('h1').waitFor();
    await page.evaluate(() => document.querySelectorAll('details').forEach((each) => (each.open = true)));
    const shown = await page.evaluate(() =>
      [...document.querySelectorAll('*')].flatMap((element) => [
        ...[...element.childNodes]
          .filter((node) => node.nodeType === Node.TEXT_NODE && !element.closest('script, style'))
          .map((node) => node.textContent?.trim() ?? ''),
        ...['title', 'aria-label', 'placeholder'].map((name) => element.getAttribute(name) ?? ''),
      ]),
    );
    const texts = new Set<string>(Object.keys(english).filter((text) => /[a-z]{3}/i.test(text)));
    expect(shown.filter((text) => texts.has(text))).toEqual([]);
    expect(shown).toContain(pseudo[query.includes('unscored') ? 'Layers' : 'Bit map']);
    expect(shown.filter((text) => Object.values(pseudo).includes(text)).length).toBeGreaterThan(10);
    await page.close();
  });
});
