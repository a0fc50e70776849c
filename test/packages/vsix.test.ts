import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, expect, inject, test } from 'vitest';
import { parseConfig } from '../../src/config/config';
import { CodeWindow } from '../e2e/driver';
import { config, startQuantizing } from '../e2e/quantize-steps';
import { startSession, type Session } from '../support/vscode/session';
import { exampleWorkspace, removeWorkspace } from '../support/vscode/workspace';

const vsix = inject('vsix');
let session: Session | undefined;
let workspace: string | undefined;
afterAll(async () => {
  await session?.stop();
  if (workspace) await removeWorkspace(workspace);
});

function filesOf(path: string): string[] {
  const names: string[] = [];
  unzipSync(readFileSync(path), {
    filter: ({ name }) => {
      names.push(name);
      return false;
    },
  });
  return names;
}

test.skipIf(!vsix)('the package for Linux x64 is small and holds no other platform', async () => {
  expect((await stat(vsix!)).size).toBeLessThanOrEqual(30e6);
  const files = filesOf(vsix!);
  const native = files.filter((name) => /\.(node|dll|dylib|so)(\.|$)/.test(name));
  expect(native.map((name) => name.replace(/[\d.]+(?=(\.node)?$)/, '*')).sort()).toEqual([
    'extension/node_modules/@img/sharp-libvips-linux-x64/lib/libvips-cpp.so*',
    'extension/node_modules/@img/sharp-linux-x64/lib/sharp-linux-x64-*.node',
    'extension/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so*',
    'extension/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node',
  ]);
  expect(files.filter((name) => name.startsWith('extension/dist/chunks/')).length).toBeGreaterThan(0);
  const development = files.filter((name) =>
    /\.(ts|mts|map|tsbuildinfo)$|\/(src|test|bench|scripts)\//.test(name),
  );
  expect(development.filter((name) => !name.startsWith('extension/examples/test/'))).toEqual([]);
});

test.skipIf(!vsix)('installed into a real VS Code, a right-click ends in a smaller model', async () => {
  session = await startSession({ packages: [vsix!], log: console.log });
  workspace = await exampleWorkspace();
  const window = await CodeWindow.open(session.info, {
    workspace,
    settings: { 'ompq.contest.searchSeconds': 0 },
  });
  try {
    await startQuantizing(window, 4);
    await window.editor.waitForActive(config);
    await window.notifications.waitFor('bits on average');
    const written = parseConfig(readFileSync(join(workspace, config), 'utf8'), config);
    expect(written.totals.bytes).toBeLessThanOrEqual(written.totals.budgetBytes);

    await window.explorer.choose(config, 'Export Quantized Model');
    await window.quickInput.choose('rounding', 'Nearest');
    await window.quickInput.choose('activations', 'Weights only');
    await window.quickInput.waitFor('Export quantized model');
    await window.page.keyboard.press('Enter');
    await window.notifications.waitFor('times smaller');
    const { size } = await stat(join(workspace, 'resnet_cifar10.quantized.onnx'));
    expect(size).toBeLessThanOrEqual(written.totals.budgetBytes);
    expect(size / written.totals.bytes).toBeCloseTo(1, 2);
  } catch (error) {
    console.log(`The window as the failed test left it: ${await window.screenshot('failed-vsix')}`);
    throw error;
  } finally {
    await window.close();
  }
});
