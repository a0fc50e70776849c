// @vitest-environment node
/** That nothing on the page covers or cuts anything else, at every width of an editor, and that words stand where letters stood. */
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, serve, type Site } from './support/browser';

let browser: Browser;
let site: Site;
let page: Page;

beforeAll(async () => {
  [browser, site] = await Promise.all([openBrowser(), serve(resolve(import.meta.dirname, '../..'))]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});
afterEach(() => page.close());

async function open(query: string, width: number): Promise<void> {
  page = await browser.newPage({ viewport: { width, height: 900 } });
  await page.goto(`${site.url}/?${query}`);
  await page.locator('h1').waitFor();
}

/** Boxes of the elements with what they say. */
function boxes(
  selector: string,
): Promise<{ text: string; x: number; y: number; right: number; bottom: number }[]> {
  return page.locator(selector).evaluateAll((all) =>
    all.map((element) => {
      const { left, top, right, bottom } = element.getBoundingClientRect();
      return { text: element.textContent ?? '', x: left, y: top, right, bottom };
    }),
  );
}

type Box = Awaited<ReturnType<typeof boxes>>[number];

function overlaps(all: Box[]): string[] {
  return all.flatMap((a, i) =>
    all
      .slice(i + 1)
      .filter((b) => a.x < b.right - 1 && b.x < a.right - 1 && a.y < b.bottom - 1 && b.y < a.bottom - 1)
      .map((b) => `${a.text} over ${b.text}`),
  );
}

const WIDTHS = [270, 420, 640, 900, 1232];

describe.each(WIDTHS)('at %i pixels', (width) => {
  it('no fact of a layer with long open sizes covers another, and no button of a width leaves the card', async () => {
    await open('count=15&contest', width);
    await page.evaluate(() => {
      const { fake } = window;
      const shape = ['p2o.DynamicDimension.0', 16, 'p2o.DynamicDimension.1', 'p2o.DynamicDimension.2'];
      fake.state = {
        ...fake.state,
        functions: fake.state.functions.map((f) => ({ ...f, shape, macs: null })),
      };
      fake.post({ type: 'state', state: fake.state });
    });
    await page.locator('.facts', { hasText: 'DynamicDimension' }).waitFor();
    expect(overlaps(await boxes('.facts > div, button.width'))).toEqual([]);
    const [card] = await boxes('.details');
    for (const box of await boxes('.facts > div, button.width')) expect(box.right).toBeLessThan(card.right);
  });

  it('neither the sizes on the axis of the curve nor the words at measured points run into each other', async () => {
    await open('count=15&contest', width);
    const ticks = '.pareto [aria-hidden] text, .pareto g text';
    await page.locator('.pareto .frontier path').first().waitFor();
    expect(overlaps(await boxes(ticks))).toEqual([]);
  });

  it('every button of the toolbar can be read in full', async () => {
    await open('count=15&contest', width);
    const cut = await page
      .locator('.actions vscode-button, .budget-bar *')
      .evaluateAll((all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).length);
    expect(cut).toBe(0);
    for (const box of await boxes('.actions vscode-button')) expect(box.right).toBeLessThanOrEqual(width);
  });
});

describe('names', () => {
  it('are cut in the middle: the end, which tells layers apart, stays readable', async () => {
    await open('count=15', 420);
    const long = `/${'encoder/block/'.repeat(9)}attention/query/MatMul`;
    await page.evaluate((name) => {
      const { fake } = window;
      const functions = fake.state.functions.map((f, i) => (i === 0 ? { ...f, name } : f));
      fake.post({ type: 'state', state: { ...fake.state, functions } });
    }, long);
    const cell = page.locator('.grid-body .cell.name', { hasText: 'query/MatMul' });
    await cell.waitFor();
    expect(await cell.innerText()).toBe(long);
    expect(await page.getByRole('row', { name: long }).count()).toBe(1);
    const tail = (await cell.locator('.cut-tail').boundingBox())!;
    const room = (await cell.boundingBox())!;
    expect(tail.x + tail.width).toBeLessThanOrEqual(room.x + room.width);
    expect(await cell.locator('.cut-tail').innerText()).toBe('ntion/query/MatMul');
  });
});

describe('words', () => {
  it('stand before every Greek letter, and none stands alone', async () => {
    await open('count=15&contest', 1232);
    await page.locator('.settings summary').click();
    const texts = await page.evaluate(() =>
      [...document.querySelectorAll('body *')].flatMap((element) =>
        [...element.childNodes]
          .filter((node) => node.nodeType === Node.TEXT_NODE && !element.closest('script, style'))
          .map((node) => node.textContent?.trim() ?? ''),
      ),
    );
    expect(texts.filter((text) => /^[γθεβ]\b|^[γθεβ]$/u.test(text))).toEqual([]);
    expect(texts).toContain('Overlap');
  });
});

describe('the last change', () => {
  it('is told in a line and a list, drawn as outlines, and moves nothing on the page', async () => {
    await open('count=15', 1232);
    const line = page.locator('.changes summary');
    expect(await line.innerText()).toBe('No bits have changed here yet.');
    const place = (await page.locator('.slider').boundingBox())!.y;
    const field = page.locator('.budget-bar input').first();
    await field.fill('5');
    await field.press('Enter');
    await page.locator('.ghosts rect').first().waitFor();
    expect(await line.innerText()).toMatch(
      /^Last change: \d+ layers · .*B → .*B · \d\.\d\d → \d\.\d\d bits on average · quality: .+ → not measured/,
    );
    expect((await page.locator('.slider').boundingBox())!.y).toBe(place);
    await line.click();
    const rows = page.locator('.change-list li');
    expect(await rows.count()).toBe(await page.locator('.ghosts rect').count());
    expect(await rows.first().innerText()).toMatch(/\d → \d bits/);
  });
});

describe('what stays as it is', () => {
  it('is listed with its bytes and reasons', async () => {
    await open('count=15', 1232);
    await page.locator('.staying summary').click();
    const text = await page.locator('.staying').innerText();
    expect(text).toContain('BatchNormalization');
    expect(text).toContain('4.1 KB');
    expect(text).toMatch(/stays? float/);
  });
});

describe('the keyboard', () => {
  it('acts on the layer that has the cursor, not on an older selection elsewhere', async () => {
    await open('count=53', 1232);
    await page.locator('.grid-body .row').nth(3).click();
    const before = await page.locator('.used').innerText();
    await page.locator('.map-box').focus();
    await page.keyboard.press('End');
    for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('2');
    await expect.poll(() => page.locator('.used').innerText()).not.toBe(before);
    const bits = await page.locator('.bit-map .column').evaluateAll((all) => all.map((c) => c.classList[1]));
    expect(bits[42]).toBe('bits-2');
    expect(bits[3]).not.toBe('bits-2');
  });
});
