/** A folder for one hostile model, and beside it what the model must neither read nor write. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Sandbox {
  /** For the model and its output. */
  inside: string;
  outside: string;
  clear(): void;
  /** Whether somebody is reading the file outside; lets them go on. */
  isRead(): boolean;
  /** What is there that should not be. */
  trespasses(): string[];
  remove(): void;
}

export function makeSandbox(): Sandbox {
  const root = mkdtempSync(join(tmpdir(), 'ompq-fuzz-'));
  const inside = join(root, 'model');
  const outside = join(root, 'outside');
  mkdirSync(outside);
  // Whoever opens a pipe waits for its other end, so a read from outside can be seen.
  if (process.platform === 'win32') writeFileSync(join(outside, 'secret.bin'), 'secret');
  else execFileSync('mkfifo', [join(outside, 'secret.bin')]);
  return {
    inside,
    outside,
    clear() {
      rmSync(inside, { recursive: true, force: true });
      mkdirSync(inside);
      if (process.platform === 'win32') return;
      symlinkSync(join(outside, 'secret.bin'), join(inside, 'link.bin'));
      symlinkSync(outside, join(inside, 'linked'));
    },
    isRead() {
      if (process.platform === 'win32') return false;
      try {
        // Refused (ENXIO) while nobody reads.
        closeSync(openSync(join(outside, 'secret.bin'), constants.O_WRONLY | constants.O_NONBLOCK));
        return true;
      } catch {
        return false;
      }
    },
    trespasses() {
      const expected = { [root]: ['model', 'outside'], [outside]: ['secret.bin'] };
      const allowed = [
        'hostile.onnx',
        'small.onnx',
        'small.onnx.data',
        'link.bin',
        'linked',
        'blobs',
        'data.bin',
      ];
      const found = Object.entries(expected).flatMap(([folder, names]) =>
        readdirSync(folder).filter((name) => !names.includes(name)),
      );
      return [...found, ...readdirSync(inside).filter((name) => !allowed.includes(name))];
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
