// @vitest-environment node
/** A model with names made to be more than names, shown by the page as it is shipped: they are text, nothing else. */
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../fuzz/names';
import { openBrowser, serve, type Site } from './support/browser';

let browser: Browser;
let site: Site;
beforeAll(async () => {
  [browser, site] = await Promise.all([openBrowser(), serve(resolve(import.meta.dirname, '../..'))]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

async function openHostile(): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => complaints.push(dialog.message()));
  await page.goto(`${site.url}/?count=18`);
  await page.locator('h1').waitFor();
  return { page, complaints };
}

it('no name, shape, operator, warning or file name becomes HTML or script', async () => {
  const { page, complaints } = await openHostile();
  const shown = await page.evaluate((names) => {
    const { state } = window.fake;
    const rename = (name: string) => {
      const at = state.functions.findIndex((f) => f.name === name);
      return at < 0 ? name : names[at % names.length] + at;
    };
    state.functions = state.functions.map((f, i) => ({
      ...f,
      name: rename(f.name),
      op: names[i % names.length],
      layers: [names[(i + 4) % names.length]],
    }));
    state.skipped = names.map((name) => ({ name, op: name, reason: name }));
    state.warnings = names;
    state.model.name = names[5];
    if (state.config) state.config.name = names[4];
    if (state.scoring) state.scoring.data = state.scoring.provider = names[5];
    window.fake.post({ type: 'state', state });
    return state.functions.map((f) => f.name);
  }, HOSTILE_NAMES);
  await page.locator('h1').filter({ hasText: '</script><script>' }).waitFor();
  for (const row of [0, 4, 5, 6, 17]) await page.locator('.grid .row').nth(row).click();
  await page.locator('.bit-map .column').nth(4).hover();
  expect(await page.evaluate(() => (window as { pwned?: unknown }).pwned)).toBeUndefined();
  expect(await page.locator('img, iframe, object, embed, script:not([nonce])').count()).toBe(0);
  expect(await page.locator('script').count()).toBe(1);
  expect(await page.locator('body').innerText()).toContain('<img src=x onerror="window.pwned=1">');
  expect(shown).toHaveLength(18);
  expect(complaints).toEqual([]);
});
