/**
 * How long the extension takes to activate, as VS Code itself counts it in "Running Extensions": loading the bundle and
 * the call of activate(), in a fresh window that holds a config. Each round is a window of its own, so the first also
 * reads the bundle from the disk.
 *
 * node bench/run.mjs activation [rounds]
 */
import { CodeWindow } from '../test/e2e/driver';
import { buildExtension } from '../test/vscode/build';
import { root } from '../test/vscode/paths';
import { startSession } from '../test/vscode/session';
import { makeWorkspace, removeWorkspace } from '../test/vscode/workspace';

const rounds = Number(process.argv[2] ?? 5);

async function main(): Promise<void> {
  await buildExtension();
  const session = await startSession({ extensions: [root], log: console.log });
  const times: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const workspace = await makeWorkspace({ 'model.ompq.json': '{}' });
      const window = await CodeWindow.open(session.info, { workspace });
      await window.runCommand('Developer: Show Running Extensions');
      const row = window.page.locator('.runtime-extensions-editor .extension', { hasText: 'OMPQ' });
      const text = await row
        .locator('.activation-time', { hasText: /\d ?ms/ })
        .first()
        .innerText();
      times.push(Number(/(\d+) ?ms/.exec(text)![1]));
      await window.close();
      await removeWorkspace(workspace);
    }
  } finally {
    await session.stop();
  }
  times.sort((a, b) => a - b);
  console.log('Milliseconds.\n');
  console.log('| activation, median | worst |');
  console.log('|---|---|');
  console.log(`| ${times[times.length >> 1]} | ${times.at(-1)} |`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
