/** Function names that people write, held against those of the model. */
import leven from 'leven';
import { SettingsError } from '../core/allocation/buildProblem';

/** "; did you mean ...?" where a known name is near, else ''. */
export function suggestion(name: string, known: readonly string[]): string {
  const near = known
    .map((each) => ({ each, steps: leven(name.slice(0, LONGEST), each.slice(0, LONGEST)) }))
    .reduce((a, b) => (b.steps < a.steps ? b : a), { each: '', steps: Infinity });
  return near.steps <= Math.max(2, name.length / 3) ? `; did you mean "${near.each}"?` : '.';
}

/** Longer names are compared by their beginning: the time grows with the square. */
const LONGEST = 200;

/** @throws SettingsError unless the config at `file` speaks of exactly the model's functions, in their order */
export function checkNames(file: string, names: readonly string[], known: readonly string[]): void {
  const all = new Set(known);
  const listed = new Set(names);
  const unknown = names.find((name) => !all.has(name));
  if (unknown !== undefined) {
    const free = known.filter((name) => !listed.has(name));
    throw new SettingsError(`${file} refers to unknown layer "${unknown}"${suggestion(unknown, free)}`);
  }
  const missing = known.find((name) => !listed.has(name));
  if (missing !== undefined) {
    throw new SettingsError(`${file} says nothing of the function "${missing}"; quantize the model again.`);
  }
  if (names.some((name, i) => name !== known[i])) {
    throw new SettingsError(
      `${file} lists the functions in another order than the model; quantize the model again.`,
    );
  }
}
