/**
 * How long the bit map page takes to open and to solve again while the budget is dragged, for networks of 53, 300 and
 * 1,000 functions, in Chromium, with the page as it is shipped: from navigation to a painted bit map (script and worker
 * loaded on the way), from a state's arrival to a painted one, and from a move of the slider to a painted solution.
 *
 * node bench/run.mjs panel [rounds]
 */
import { openBrowser, serve } from '../test/webview/support/browser';

const rounds = Number(process.argv[2] ?? 5);
const COUNTS = [53, 300, 1000];
/** Places of the slider, thousandths of its length. */
const PLACES = [120, 250, 333, 400, 470, 560, 640, 700, 810, 900];

const middle = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
const cell = (values: number[]): string => `${middle(values).toFixed(0)} (${Math.max(...values).toFixed(0)})`;

async function main(): Promise<void> {
  const site = await serve(process.cwd());
  const browser = await openBrowser();
  console.log('Milliseconds, median (worst).\n');
  console.log('| functions | open to first paint | state to paint | re-solve while dragging |');
  console.log('|---|---|---|---|');
  for (const count of COUNTS) {
    const [fromNothing, fromState, solved]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
      await page.goto(`${site.url}/?count=${count}`);
      fromNothing.push(await page.evaluate('fake.firstPaint().then((at) => at - fake.prepared)'));
      fromState.push(await page.evaluate('fake.showAgain()'));
      // a person who drags sees the curve, which has a worker of its own
      await page.getByText(/optima on|^all .*optim/).waitFor();
      await page.waitForTimeout(800);
      solved.push(...(await page.evaluate<number[]>(`fake.drag(${JSON.stringify(PLACES)})`)));
      await page.close();
    }
    console.log(`| ${count} | ${cell(fromNothing)} | ${cell(fromState)} | ${cell(solved)} |`);
  }
  await browser.close();
  await site.close();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
