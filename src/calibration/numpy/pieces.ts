/** Which files of a folder of arrays belong together. */
import { DataError } from '../inputs/errors';
import type { InputSpec } from '../inputs/inputShapes';

/** What one run of the model is fed: a .npz, or a .npy for each input. */
export interface Piece {
  /** Of the file, or of the first one, relative to the folder. */
  file: string;
  /** Input -> .npy; null: a .npz that holds them all. */
  files: Map<string, string> | null;
  count: number;
}

/** One .npy for each input of a sample: in folders named by input, or with the input's name at an end of the file's. */
export function byInput(files: string[], specs: readonly InputSpec[], folder: string): Piece[] {
  if (specs.length === 1) {
    return files.map((file) => ({ file, files: new Map([[specs[0].name, file]]), count: 1 }));
  }
  const pieces = new Map<string, Piece>();
  for (const file of files) {
    const found = specs.flatMap(({ name }) => {
      const key = keyWithout(file.replace(/\.npy$/i, ''), name);
      return key === null ? [] : [{ name, key }];
    });
    // "ids" fits "input_ids_0.npy", too: the longest name counts.
    const best = found.sort((a, b) => b.name.length - a.name.length)[0];
    if (!best) continue;
    const piece = pieces.get(best.key) ?? { file, files: new Map<string, string>(), count: 1 };
    piece.files!.set(best.name, file);
    pieces.set(best.key, piece);
  }
  const names = specs.map(({ name }) => name);
  const whole = [...pieces.values()].filter((piece) => names.every((name) => piece.files!.has(name)));
  if (whole.length > 0) return whole;
  throw new DataError(
    `${folder} holds .npy files for one input, but the model has ${names.length} (${names.join(', ')}); give .npz files with an array for each, or folders of .npy named by input.`,
  );
}

/** What is left of a path without the input's name: the same for all inputs of a sample. */
function keyWithout(path: string, input: string): string | null {
  const parts = path.split('/');
  const folder = parts.indexOf(input);
  if (folder >= 0 && folder < parts.length - 1) return parts.filter((_, i) => i !== folder).join('/');
  const stem = parts.pop()!;
  const rest = [
    [stem.startsWith(input), stem.slice(input.length)],
    [stem.endsWith(input), stem.slice(0, -input.length)],
  ] as const;
  const found = rest.find(([fits, left]) => fits && (left === '' || /^[._-]|[._-]$/.test(left)));
  return found ? [...parts, found[1].replace(/^[._-]+|[._-]+$/g, '')].join('/') : null;
}
