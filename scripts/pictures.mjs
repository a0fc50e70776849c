// Takes all pictures of the README and the walkthrough from the real thing, dark and light, into media/; --moving: the
// moving one only.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const still = 'out/pictures/readme';
const moving = 'out/pictures/moving';
/** Milliseconds. */
const FRAME = 900;
const LAST_FRAME = 2500;

function take(scene, folder, themes) {
  rmSync(folder, { recursive: true, force: true });
  const { status } = spawnSync(
    process.execPath,
    ['scripts/vscode.mjs', 'screenshot', `test/e2e/scenes/${scene}.ts`, '--theme', themes, '--out', folder],
    { stdio: 'inherit' },
  );
  if (status !== 0) process.exit(status ?? 1);
}

function put(name, picture) {
  writeFileSync(join('media', name), picture);
  console.log(`${(picture.length / 1000).toFixed(0).padStart(4)} KB  media/${name}`);
}

if (!process.argv.includes('--moving')) {
  take('readme', still, 'dark,light');
  for (const name of readdirSync(still)) {
    // At most 256 colours are enough for an editor, at a third of the size.
    const picture = sharp(readFileSync(join(still, name))).png({ palette: true, quality: 95, effort: 10 });
    put(name, await picture.toBuffer());
  }
}
take('moving', moving, 'dark');
const frames = readdirSync(moving).sort();
const delay = frames.map((_, i) => (i === frames.length - 1 ? LAST_FRAME : FRAME));
const joined = sharp(
  frames.map((name) => join(moving, name)),
  { join: { animated: true } },
);
put('budget.gif', await joined.gif({ delay, loop: 0, effort: 10 }).toBuffer());
