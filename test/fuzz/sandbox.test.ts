import { createReadStream, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeSandbox } from './sandbox';

it('the harness sees a read and a write outside the folder', async ({ skip }) => {
  if (process.platform === 'win32') skip('no pipes in folders here');
  const sandbox = makeSandbox();
  sandbox.clear();
  expect(sandbox.isRead()).toBe(false);
  expect(sandbox.trespasses()).toEqual([]);
  const stream = createReadStream(join(sandbox.inside, 'linked', 'secret.bin'));
  await expect.poll(() => sandbox.isRead()).toBe(true);
  stream.resume();
  await once(stream, 'close');
  writeFileSync(join(sandbox.outside, 'more'), '');
  writeFileSync(join(sandbox.inside, 'other.bin'), '');
  expect(sandbox.trespasses()).toEqual(['more', 'other.bin']);
  sandbox.remove();
});
