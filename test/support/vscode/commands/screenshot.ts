import { build } from 'esbuild';
import { join, parse, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CodeWindow } from '../../../e2e/driver';
import type { Scene } from '../../../e2e/scene';
import { themeNames, type Theme } from '../themes';
import { buildExtension } from '../build';
import { outFolder, root } from '../paths';
import { startSession, type Session } from '../session';
import { exampleWorkspace, removeWorkspace } from '../workspace';

interface Options {
  theme?: string;
  out?: string;
  size?: string;
  production?: boolean;
}

/** Plays scenes in the themes asked for; a picture NAME lands in OUT/NAME-THEME.png. */
export async function runScreenshot(scenes: string[], options: Options): Promise<number> {
  if (scenes.length === 0) throw new Error('Name at least one scene, such as test/e2e/scenes/quantize.ts.');
  const themes = parseThemes(options.theme ?? 'dark');
  const size = parseSize(options.size ?? '1280x800');
  const pictures = resolve(options.out ?? join(outFolder, 'pictures'));
  await buildExtension(options.production);
  const session = await startSession({ extensions: [root], log: console.log });
  try {
    for (const file of scenes) {
      const scene = await loadScene(file);
      for (const theme of themes) await play(session, scene, { theme, size, pictures });
    }
  } finally {
    await session.stop();
  }
  return 0;
}

async function play(
  session: Session,
  scene: Scene,
  options: { theme: Theme; size: { width: number; height: number }; pictures: string },
): Promise<void> {
  const workspace = await (scene.workspace ?? exampleWorkspace)();
  const window = await CodeWindow.open(session.info, { workspace, settings: scene.settings, ...options });
  window.onPicture = (path) => console.log(path);
  try {
    await Promise.race([scene.play(window), session.died]);
  } catch (error) {
    await window.screenshot('failed');
    throw error;
  } finally {
    await window.close();
    await removeWorkspace(workspace);
  }
}

async function loadScene(file: string): Promise<Scene> {
  const bundle = join(outFolder, 'scenes', `${parse(file).name}-${Date.now()}.mjs`);
  await build({
    entryPoints: [resolve(file)],
    outfile: bundle,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return ((await import(pathToFileURL(bundle).href)) as { default: Scene }).default;
}

function parseThemes(text: string): Theme[] {
  if (text === 'all') return themeNames;
  return text.split(',').map((name) => {
    const theme = themeNames.find((known) => known === name);
    if (!theme) throw new Error(`There is no theme "${name}"; there are ${themeNames.join(', ')} and all.`);
    return theme;
  });
}

function parseSize(text: string): { width: number; height: number } {
  const found = /^(\d+)x(\d+)$/.exec(text);
  if (!found) throw new Error(`The size must look like 1280x800, not "${text}".`);
  return { width: Number(found[1]), height: Number(found[2]) };
}
