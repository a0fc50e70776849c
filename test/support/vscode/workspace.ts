import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { root } from './paths';

const prefix = 'ompq-e2e-';

/** Where a file or folder of a test's workspace comes from. */
export type Content = string | Uint8Array | { copyOf: string };

/** Makes a new temporary workspace; keys are paths inside it. */
export async function makeWorkspace(files: Record<string, Content>, name = 'workspace'): Promise<string> {
  const folder = join(await realpath(await mkdtemp(join(tmpdir(), prefix))), name);
  await mkdir(folder);
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(target, content);
    else await cp(content.copyOf, target, { recursive: true });
  }
  return folder;
}

/** A copy of the example: its model and some of its calibration images. */
export function exampleWorkspace(images = 64): Promise<string> {
  const name = (index: number): string => `${String(index).padStart(3, '0')}.png`;
  const calibration = Array.from({ length: images }, (_, index) => `calibration/${name(index)}`);
  const files = ['resnet_cifar10.onnx', ...calibration];
  return makeWorkspace(
    Object.fromEntries(files.map((file) => [file, { copyOf: join(root, 'examples', file) }])),
    'example',
  );
}

/** Removes what `makeWorkspace` made; any other folder is left alone. */
export async function removeWorkspace(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (basename(parent).startsWith(prefix)) await rm(parent, { recursive: true, force: true, maxRetries: 5 });
}
