// @vitest-environment node
/** The page as it is shipped, under its CSP, in Chromium: what a person sees, clicks, types and hears. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FromPage, PageAction } from '../../webview/protocol';
import { openBrowser, serve, type Site } from './support/browser';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
let browser: Browser;
let site: Site;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  [browser, site] = await Promise.all([openBrowser(), serve(resolve(import.meta.dirname, '../..'))]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});
afterEach(async () => {
  await page.close();
  expect(complaints).toEqual([]);
});

async function open(query: string, size = { width: 1280, height: 1000 }): Promise<void> {
  page = await browser.newPage({ viewport: size });
  complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${site.url}/?${query}`);
  await page.locator('h1').waitFor();
}

const bits = (): Promise<string[]> =>
  page.locator('.bit-map .column').evaluateAll((all) => all.map((c) => c.classList[1]));
const sent = (): Promise<FromPage[]> => page.evaluate(() => window.fake.sent);
const sizeUsed = (): Promise<string> => page.locator('.used').innerText();
async function changed(before: string): Promise<void> {
  await expect.poll(sizeUsed, { timeout: 600_000 }).not.toBe(before);
}

describe('accessibility', () => {
  it.each(['dark', 'light', 'hc-dark', 'hc-light'])('axe finds nothing to complain of, %s', async (theme) => {
    await open(`count=15&theme=${theme}&synthetic&contest`);
    await page.locator('.settings summary').click();
    await page.locator('.grid .row').nth(4).click();
    // evaluated, not added as a script element, which the CSP rightly refuses
    await page.evaluate(await readFile(axePath, 'utf8'));
    const found = await page.evaluate(async () => {
      const { axe } = window as unknown as {
        axe: {
          run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
        };
      };
      return (await axe.run()).violations.map((v) => ({
        id: v.id,
        nodes: v.nodes.slice(0, 3).map((n) => `${n.html} ${n.failureSummary}`),
      }));
    });
    expect(found).toEqual([]);
  });

  it('finds nothing before the model is scored either', async () => {
    await open('count=15&unscored');
    await page.evaluate(await readFile(axePath, 'utf8'));
    const found = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
      return (await axe.run()).violations.map((v) => v.id);
    });
    expect(found).toEqual([]);
  });
});

describe('the bit map', () => {
  it('moves with the keyboard, shows the function, selects and reveals it', async () => {
    await open('count=53');
    await page.locator('.map-box').focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    expect(await page.locator('.details h2').innerText()).toContain('features.1/expand');
    expect(await page.locator('#ompq-active-function').innerText()).toMatch(/expand.*bits/);
    await page.keyboard.press('Enter');
    expect(await page.locator('.column.selected').count()).toBe(1);
    expect((await sent()).at(-1)).toEqual({ type: 'reveal', name: '/features/features.1/expand/Conv' });
    await page.keyboard.press('End');
    expect(await page.locator('.details h2').innerText()).toBe('/classifier/Gemm');
  });

  it('shows the function under the pointer, and the cursor again when the pointer leaves', async () => {
    await open('count=15');
    const cursor = await page.locator('.details h2').innerText();
    await page.locator('.map-box').hover({ position: { x: 600, y: 120 } });
    expect(await page.locator('.details h2').innerText()).not.toBe(cursor);
    await page.locator('h1').hover();
    expect(await page.locator('.details h2').innerText()).toBe(cursor);
  });

  it('locks by digit, unlocks by L, and solves the rest again', async () => {
    await open('count=53');
    await page.locator('.map-box').focus();
    for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowRight');
    const before = await sizeUsed();
    await page.keyboard.press('2');
    await changed(before);
    expect((await bits())[20]).toBe('bits-2');
    expect(await page.locator('.details .who p').innerText()).toContain('locked by you');
    await page.keyboard.press('l');
    await expect.poll(() => page.locator('.details .who p').innerText()).toContain('chosen by the solver');
  });

  it('draws columns by size, and tells the extension nothing of it', async () => {
    await open('count=53');
    const widths = (): Promise<number[]> =>
      page.locator('.column').evaluateAll((all) => all.map((c) => Number(c.getAttribute('width'))));
    expect(new Set(await widths()).size).toBe(1);
    await page.locator('.map vscode-dropdown').click();
    await page.locator('.map vscode-option', { hasText: 'Columns by size' }).click();
    expect(new Set(await widths()).size).toBeGreaterThan(20);
    expect((await sent()).map((m) => m.type)).toEqual(['ready']);
  });
});

describe('the budget', () => {
  it('is dragged: the network is solved on the way, and one undo takes it back', async () => {
    await open('count=53');
    const before = await bits();
    const slider = page.locator('.slider');
    await slider.scrollIntoViewIfNeeded();
    const box = (await slider.boundingBox())!;
    const value = Number(await slider.inputValue());
    const at = (v: number): [number, number] => [
      box.x + 8 + (v / 1000) * (box.width - 16),
      box.y + box.height / 2,
    ];
    await page.mouse.move(...at(value));
    await page.mouse.down();
    await page.mouse.move(...at(value - 100), { steps: 5 });
    await expect.poll(async () => (await bits()).join()).not.toBe(before.join());
    await page.mouse.up();
    expect(await page.locator('header').innerText()).toContain('changes not written');
    await page.locator('h1').click();
    await page.keyboard.press('Control+z');
    await expect.poll(async () => (await bits()).join()).toBe(before.join());
    expect(await page.locator('header').innerText()).not.toContain('changes not written');
  });

  it('stays in sight of the bit map, and is set by a click on the curve', async () => {
    await open('count=53');
    await page.locator('.grid').scrollIntoViewIfNeeded();
    await expect.poll(async () => (await page.locator('.budget-bar').boundingBox())!.y).toBe(0);
    const before = await sizeUsed();
    const curve = page.locator('.curve');
    await curve.scrollIntoViewIfNeeded();
    const { width } = (await curve.boundingBox())!;
    await curve.hover({ position: { x: width * 0.8, y: 100 } });
    expect(await page.locator('.curve-readout').innerText()).toMatch(/^Click: budget of [\d.]+ [KM]B$/);
    await curve.click({ position: { x: width * 0.8, y: 100 } });
    await changed(before);
  });

  it.each([270, 420, 640])('nothing is wider than a page of %i pixels', async (width) => {
    await open('count=53&contest', { width, height: 1000 });
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll('main *')]
        .filter(
          (each) =>
            each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.sr-only, [hidden]'),
        )
        .map((each) => `${each.tagName}.${each.getAttribute('class')}`),
    );
    expect(wide).toEqual([]);
  });

  it('says why it cannot be met and offers the nearest that can', async () => {
    await open('count=53');
    const field = page.locator('.budget-bar vscode-text-field input');
    await field.fill('10 KB');
    await field.press('Enter');
    await page.locator('.problem').waitFor();
    expect(await page.locator('.problem').innerText()).toContain('10,000 bytes');
    await page.locator('.problem vscode-button').click();
    await page.locator('.problem').waitFor({ state: 'hidden' });
    expect(await page.locator('.budget-bar vscode-text-field input').inputValue()).not.toBe('10');
  });

  it('is written into the config', async () => {
    await open('count=15');
    const field = page.locator('.budget-bar vscode-text-field input');
    const before = await sizeUsed();
    await field.fill('6');
    await field.press('Enter');
    await changed(before);
    await page.getByText('Write config').click();
    const request = (await sent()).find((m) => m.type === 'request');
    expect(request?.request).toMatchObject({
      type: 'write',
      edit: { settings: { budget: { averageBits: 6 } } },
    });
    await expect.poll(() => page.locator('header').innerText()).not.toContain('not written');
  });

  it('counts widths, pins and beta in', async () => {
    await open('count=15');
    await page.locator('.settings summary').click();
    for (const width of [3, 5, 6, 7]) await page.getByLabel(`Allow ${width} bits`).click();
    await expect
      .poll(async () => (await bits()).filter((b) => ['bits-3', 'bits-5', 'bits-7'].includes(b)))
      .toEqual([]);
    const before = await sizeUsed();
    await page.locator('.settings vscode-text-field input').fill('3');
    await page.locator('.settings vscode-text-field input').press('Enter');
    await expect.poll(() => page.locator('.settings summary').innerText()).toContain('β = 3');
    await changed(before);
  });
});

describe('the table', () => {
  it('keeps a thousand functions to what is seen, and scrolls to the last', async () => {
    await open('count=1000');
    expect(await page.locator('.grid-body .row').count()).toBeLessThan(60);
    expect(await page.locator('.grid').getAttribute('aria-rowcount')).toBe('1001');
    await page.locator('.grid').focus();
    await page.keyboard.press('End');
    await expect.poll(() => page.locator('.grid-body .row').last().innerText()).toContain('1000');
  });

  it('extends the selection from where the cursor is, by keyboard', async () => {
    await open('count=53');
    await page.locator('.grid').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown'])
      await page.keyboard.press(key);
    const chosen = await page.locator('.grid-body .row.selected .index').allInnerTexts();
    expect(chosen).toEqual(['3', '4', '5']);
    await page.keyboard.press('Escape');
    expect(await page.locator('.grid-body .row.selected').count()).toBe(0);
  });

  it('filters, sorts, selects many and sets their bits; undo and redo', async () => {
    await open('count=53');
    await page.locator('.table vscode-text-field input').fill('depthwise stage4');
    const count = await page.locator('.grid-body .row').count();
    expect(count).toBeGreaterThan(1);
    await page.locator('.grid').focus();
    await page.keyboard.press('Control+a');
    expect(await page.locator('.grid-body .row[aria-selected=true]').count()).toBe(count);
    await page.locator('.table vscode-dropdown').click();
    await page.locator('.table vscode-option', { hasText: '3 bits' }).click();
    await expect
      .poll(async () => (await bits()).filter((b) => b === 'bits-3').length)
      .toBeGreaterThanOrEqual(count);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => page.locator('.marks .glyph.lock').count()).toBe(1);
    await page.getByRole('button', { name: 'Redo' }).click();
    await expect.poll(() => page.locator('.marks .glyph.lock').count()).toBe(1 + count);
    await page.locator('.table [role=columnheader]', { hasText: 'Parameters' }).click();
    expect(await page.locator('.table [aria-sort=descending]').innerText()).toContain('Parameters');
  });
});

describe('commands of VS Code', () => {
  it('set and lock the bits of the selected layers, write before they export, and measure', async () => {
    await open('count=15');
    const act = (action: PageAction): Promise<void> =>
      page.evaluate((asked) => window.fake.post({ type: 'act', action: asked }), action);
    await page.locator('.grid .row').nth(4).click();
    await act(6);
    const row = page.locator('.grid-body .row.selected');
    await expect.poll(() => row.innerText()).toMatch(/\n6\n+locked/);
    await act('lock');
    await expect.poll(() => row.innerText()).not.toContain('locked');
    await act('lock');
    await expect.poll(() => row.innerText()).toContain('locked');
    await act('export');
    await act('measure');
    const asked = async (): Promise<string[]> =>
      (await sent()).flatMap((m) => (m.type === 'request' ? m.request.type : []));
    await expect.poll(async () => (await asked()).sort()).toEqual(['evaluate', 'export', 'write']);
  });
});

describe('a key', () => {
  it('that would export or measure says why nothing happens where the budget cannot be met', async () => {
    await open('count=15');
    const field = page.locator('.budget-bar vscode-text-field input');
    await field.fill('0.5');
    await field.press('Enter');
    await page.locator('.problem').waitFor();
    await page.evaluate(() => window.fake.post({ type: 'act', action: 'export' }));
    await page.locator('.notice', { hasText: 'no bits to export or to measure' }).waitFor();
    expect((await sent()).filter((m) => m.type === 'request')).toEqual([]);
  });
});

describe('a budget by quality', () => {
  it('offers no answers to count where the model gives none', async () => {
    await open('count=15&contest');
    const kinds = () => page.locator('.quality vscode-option').allInnerTexts();
    expect(await kinds()).toEqual(['% same answers', 'dB signal over noise', 'nats KL divergence']);
    await page.evaluate(() => {
      const { fake } = window;
      const contest = fake.state.contest!;
      const candidates = contest.candidates.map((each) => ({ ...each, agreement: null, kl: null }));
      fake.post({ type: 'state', state: { ...fake.state, contest: { ...contest, candidates } } });
    });
    await expect.poll(kinds).toEqual(['dB signal over noise']);
  });

  it('writes what is on show, then asks for the smallest file of the quality that was typed', async () => {
    await open('count=15&contest');
    const group = page.getByRole('group', { name: 'Budget by quality' });
    const find = group.getByRole('button', { name: 'Find the smallest file' });
    await group.locator('input').fill('98.5');
    await find.click();
    const asked = async (): Promise<unknown[]> =>
      (await sent()).flatMap((m) => (m.type === 'request' ? [m.request] : []));
    await expect.poll(asked).toEqual([{ type: 'smallest', quality: { agreement: 0.985 } }]);
    const before = await sizeUsed();
    const field = page.locator('.budget-bar vscode-text-field input');
    await field.fill('6');
    await field.press('Enter');
    await changed(before);
    await find.click();
    await expect
      .poll(async () => (await asked()).map((each) => (each as { type: string }).type))
      .toEqual(['smallest', 'write', 'smallest']);
  });
});

describe('around the page', () => {
  it('survives a reload with selection, view and unwritten changes', async () => {
    await open('count=53');
    await page.locator('.map-box').click({ position: { x: 700, y: 150 } });
    const before = await sizeUsed();
    const field = page.locator('.budget-bar vscode-text-field input');
    await field.fill('3');
    await field.press('Enter');
    await changed(before);
    const [selected, used] = [await page.locator('.row.selected').allInnerTexts(), await sizeUsed()];
    await page.reload();
    await page.locator('h1').waitFor();
    await expect.poll(sizeUsed, { timeout: 600_000 }).toBe(used);
    expect(await page.locator('.row.selected').allInnerTexts()).toEqual(selected);
    expect(await page.locator('header').innerText()).toContain('changes not written');
  });

  it('follows a switch of the theme while it is open', async () => {
    await open('count=15&theme=dark');
    const look = (): Promise<string[]> =>
      page.evaluate(() => [
        getComputedStyle(document.querySelector('.column')!).fill,
        (document.querySelector('.orm-room canvas') as HTMLCanvasElement).toDataURL(),
      ]);
    const [fill, canvas] = await look();
    await page.evaluate(() => window.fake.theme('light'));
    await expect.poll(async () => (await look())[0]).not.toBe(fill);
    expect((await look())[1]).not.toBe(canvas);
  });

  it('takes a config that was edited by hand', async () => {
    await open('count=53');
    const before = await bits();
    await page.evaluate(() =>
      window.fake.post({ type: 'state', state: window.fake.scored(53, 1, { budget: { averageBits: 6 } }) }),
    );
    await expect.poll(async () => (await bits()).join()).not.toBe(before.join());
    expect(await page.locator('.notice').isVisible()).toBe(false);
  });

  it('asks whose changes count when both sides have some', async () => {
    await open('count=53');
    const field = page.locator('.budget-bar vscode-text-field input');
    await field.fill('3');
    await field.press('Enter');
    await page.evaluate(() =>
      window.fake.post({ type: 'state', state: window.fake.scored(53, 1, { budget: { averageBits: 6 } }) }),
    );
    await page.getByText('Take the config').click();
    await expect.poll(() => page.locator('.used').innerText()).toMatch(/[56]\.\d\d bits on average/);
    expect(await page.locator('.notice').isVisible()).toBe(false);
  });

  it('writes first what it shows before it exports, and says so; measures what it shows', async () => {
    await open('count=53');
    const asked = async (): Promise<string[]> =>
      (await sent()).flatMap((m) => (m.type === 'request' ? m.request.type : []));
    await page.getByRole('button', { name: 'Export quantized model' }).click();
    expect(await asked()).toEqual(['export']);
    const before = await sizeUsed();
    const field = page.locator('.budget-bar vscode-text-field input');
    await field.fill('3');
    await field.press('Enter');
    await changed(before);
    await page.getByRole('button', { name: 'Write and export' }).click();
    await expect.poll(asked).toEqual(['export', 'write', 'export']);
    // what is on show is written now
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await expect.poll(asked).toEqual(['export', 'write', 'export', 'evaluate']);
    const request = (await sent()).flatMap((m) => (m.type === 'request' ? m.request : [])).at(-1);
    expect(request).toMatchObject({ bits: (await bits()).map((name) => Number(name.slice(5))) });
    await field.fill('0.5');
    await field.press('Enter');
    await page.getByRole('button', { name: 'Export quantized model (as written)' }).click();
    await expect.poll(asked).toEqual(['export', 'write', 'export', 'evaluate', 'export']);
  });

  it('does not export what could not be written', async () => {
    await open('count=53');
    const before = await sizeUsed();
    const field = page.locator('.budget-bar vscode-text-field input');
    await field.fill('3');
    await field.press('Enter');
    await changed(before);
    await page.evaluate(() => (window.fake.refusal = 'The disk is full.'));
    await page.getByRole('button', { name: 'Write and export' }).click();
    await expect.poll(() => page.locator('.notice').innerText()).toBe('The disk is full.');
    const requests = (await sent()).flatMap((m) => (m.type === 'request' ? m.request.type : []));
    expect(requests).toEqual(['write']);
  });

  it('shows a refusal of the extension in its own words', async () => {
    await open('count=15');
    await page.evaluate(() => (window.fake.refusal = 'The disk is full.'));
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await expect.poll(() => page.locator('.notice').innerText()).toBe('The disk is full.');
  });

  it('saves the bit map as an SVG and a PNG that stand alone', async () => {
    await open('count=15');
    for (const kind of ['SVG', 'PNG']) {
      await page.getByText('Save picture').click();
      await page.getByRole('menuitem', { name: kind, exact: true }).click();
    }
    const pictures = async () =>
      await page.evaluate(() =>
        window.fake.sent.flatMap((m) =>
          m.type === 'request' && m.request.type === 'savePicture'
            ? [
                {
                  name: m.request.name,
                  head: [...m.request.data.slice(0, 4)],
                  text: new TextDecoder().decode(m.request.data),
                },
              ]
            : [],
        ),
      );
    await expect.poll(async () => (await pictures()).length).toBe(2);
    const [svg, png] = await pictures();
    expect(svg.name).toBe('net15.bits.svg');
    expect(svg.text).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg.text).not.toContain('var(--');
    expect(svg.text.match(/<rect/g)!.length).toBeGreaterThanOrEqual(15);
    expect(png.name).toBe('net15.bits.png');
    expect(png.head).toEqual([0x89, 0x50, 0x4e, 0x47]);
  });

  it('copies the allocation as text', async () => {
    await open('count=15');
    await page.getByText('Copy as').click();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const request = (await sent()).findLast((m) => m.type === 'request')!.request;
    expect(request).toMatchObject({ type: 'copyText', what: 'List of bits' });
    await page.getByText('Copy as').click();
    await page.getByRole('menuitem', { name: 'AIMET encodings 1.0.0' }).click();
    const foreign = (await sent()).findLast((m) => m.type === 'request')!.request;
    expect(foreign).toEqual({ type: 'copyFormat', format: 'aimet' });
  });

  it('offers only what the extension can do, and the one next step before scoring', async () => {
    await open('count=15&unscored');
    expect(await page.locator('.actions vscode-button').allInnerTexts()).toEqual(['Quantize with OMPQ']);
    expect(await page.locator('.budget').isVisible()).toBe(false);
    expect(await page.locator('.orm').isVisible()).toBe(false);
    await page.getByText('Quantize with OMPQ').click();
    expect((await sent()).at(-1)).toMatchObject({ type: 'request', request: { type: 'quantize' } });
  });
});
