// Takes all pictures of the README and the walkthrough from the real thing, dark and light, into media/.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const taken = 'out/pictures/readme';
const scene = 'test/e2e/scenes/readme.ts';
rmSync(taken, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  ['scripts/vscode.mjs', 'screenshot', scene, '--theme', 'dark,light', '--out', taken],
  { stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
for (const name of readdirSync(taken)) {
  // 256 colours are enough for an editor, at a third of the size
  const picture = await sharp(readFileSync(join(taken, name)))
    .png({ palette: true, effort: 10 })
    .toBuffer();
  writeFileSync(join('media', name), picture);
  console.log(`${(picture.length / 1000).toFixed(0).padStart(4)} KB  media/${name}`);
}
