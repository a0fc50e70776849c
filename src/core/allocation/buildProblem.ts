/** From functions and a user's settings to the allocation problem: the one place where widths, pins, locks and ties meet. */
import { activationBytes, type FunctionFacts, noiseAt } from '../problem/facts';
import type { AllocationProblem, Budget, Choice, FixedBy, Width } from '../problem/problem';
import { storageCode } from '../../common/storageCode';
import type { BitWidth } from '../problem/widths';
import { canBeKept, type End, endsToTry, type PinnedEnds } from './pins';

/** A function as the solver needs to know it. `bytes` holds at least every width that settings may ask for. */
export interface SizedFunction extends FunctionFacts {
  /** Objective weight c_i. */
  weight: number;
  /** Group sizes that it can be stored with; default: none. Its bytes and noise hold their storageCodes. */
  groups?: readonly number[];
  /** Widths that the activations it reads may take, in place of one for all. */
  activationWidths?: readonly number[];
}

export interface ProblemSettings {
  /** Allowed widths of functions that nothing fixes, in any order. */
  widths: readonly BitWidth[];
  pins: PinnedEnds | null;
  /** Function name -> width that the user insists on; wins over rules and pins. Names without a function are ignored. */
  locks: Readonly<Record<string, BitWidth>>;
  /** Function name -> the widths that a rule leaves it; one of them alone wins over a pin. */
  rules?: Readonly<Record<string, readonly BitWidth[]>>;
  /** Groups of indices into functions that must get the same bits. */
  ties: readonly (readonly number[])[];
  /** Bytes of the file that no choice changes. */
  fixedBytes: number;
  /** Run time of what is outside the search, for a limit on latency; default 0. */
  fixedMilliseconds?: number;
  /** One limit, or several that hold together. */
  budget: Budget | readonly Budget[];
  /** Bits of the activations, for bit operations and activation memory; default 32 (float). */
  activationBits?: number;
}

/** Settings that contradict each other or the model, in one sentence for people. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

interface Fix {
  bits: BitWidth;
  by: FixedBy;
}

/**
 * The problem that `allocate` solves. A pinned or locked function, and every function tied to one, keeps one choice.
 * @throws SettingsError when no width is allowed, a width has no known size, or tied functions are locked differently
 */
export function buildProblem(
  functions: readonly SizedFunction[],
  settings: ProblemSettings,
): AllocationProblem {
  const widths = [...new Set(settings.widths)].sort((a, b) => a - b);
  if (widths.length === 0 && functions.length > 0) {
    throw new SettingsError('No bit-width is allowed: allow at least one.');
  }
  let problem: AllocationProblem | undefined;
  for (const ends of endsToTry(settings.pins, { ...settings, functions })) {
    problem = problemWith(ends, functions, widths, settings);
    // A budget that cannot be kept never comes from a default.
    if (!ends.some(({ isAuto }) => isAuto) || canBeKept(problem)) return problem;
  }
  return problem!;
}

function problemWith(
  ends: readonly End[],
  functions: readonly SizedFunction[],
  widths: readonly BitWidth[],
  settings: ProblemSettings,
): AllocationProblem {
  const fixes = fixedWidths(functions, settings, ends);
  const floors = floorsOf(ends, settings.ties);
  const candidates = functions.map((f, i): Width => {
    const fix = fixes[i];
    const allowed = ruleOf(f, settings) ?? above(widths, floors.get(i));
    const free = choicesOf(f, allowed, settings);
    const candidate: Width = { name: f.name, weight: f.weight, params: f.params, choices: free };
    return fix
      ? { ...candidate, choices: choicesOf(f, [fix.bits], settings), fixedBy: fix.by, ifReleased: free }
      : candidate;
  });
  return {
    candidates,
    ties: settings.ties.map((group) => [...group]),
    fixedBytes: settings.fixedBytes,
    ...(settings.fixedMilliseconds ? { fixedMilliseconds: settings.fixedMilliseconds } : {}),
    budgets: [settings.budget].flat(),
  };
}

/** Per function that has one, its least width in the search: an end's, and that of what is tied to it. */
function floorsOf(ends: readonly End[], ties: ProblemSettings['ties']): Map<number, BitWidth> {
  const floors = new Map<number, BitWidth>();
  for (const { index, floor } of ends) {
    if (floor === undefined) continue;
    for (const i of ties.find((tie) => tie.includes(index)) ?? [index]) floors.set(i, floor);
  }
  return floors;
}

function above(widths: readonly BitWidth[], floor: BitWidth | undefined): readonly BitWidth[] {
  const left = widths.filter((bits) => floor === undefined || bits >= floor);
  return left.length > 0 ? left : widths;
}

function ruleOf({ name }: SizedFunction, { rules }: ProblemSettings): readonly BitWidth[] | undefined {
  return rules && Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/** Every width of the weights with every width of the activations. */
function choicesOf(
  f: SizedFunction,
  allowed: readonly BitWidth[],
  { activationBits = 32 }: ProblemSettings,
): Choice[] {
  const { activationWidths } = f;
  if (!activationWidths) {
    const input = f.activationBits ?? activationBits;
    return allowed.flatMap((bits) =>
      [0, ...groupsAt(f, bits)].map((group) => choiceOf(f, bits, input, group)),
    );
  }
  return allowed.flatMap((bits) =>
    [...activationWidths]
      .sort((a, b) => a - b)
      .map((width) => {
        const choice = { ...choiceOf(f, bits, width), activationBits: width };
        const own = noiseAt(f, bits, width);
        return own === undefined ? choice : { ...choice, noise: own + (f.activationNoise?.[width] ?? 0) };
      }),
  );
}

/** Groups whose noise is known at a width, where noise is known at all: without it nobody could tell what they are worth. */
function groupsAt({ groups = [], noise, bytes }: SizedFunction, bits: BitWidth): number[] {
  if (bits > 8) return [];
  return groups.filter((group) => {
    const code = storageCode(bits, group);
    return bytes[code] !== undefined && (!noise || noise[code] !== undefined);
  });
}

function choiceOf(f: SizedFunction, bits: BitWidth, activationBits: number, group = 0): Choice {
  const code = storageCode(bits, group);
  const bytes = f.bytes[code];
  if (bytes === undefined) {
    throw new SettingsError(`The function "${f.name}" cannot be stored at ${bits} bits.`);
  }
  const choice: Choice = {
    bits,
    ...(group > 0 ? { group, groupBits: 8 * (bytes - f.bytes[bits]) } : {}),
    bytes,
  };
  if (f.noise) choice.noise = noiseAt(f, code, 32);
  if (f.milliseconds) choice.milliseconds = f.milliseconds[bits];
  if (f.macs != null) choice.bops = f.macs * bits * activationBits;
  if (f.activations != null) choice.activationBytes = activationBytes(f.activations, activationBits);
  return choice;
}

/** Per function what fixes its width, if anything does. Ties hand a fix on; a lock beats a rule, a rule a pin. */
function fixedWidths(
  functions: readonly SizedFunction[],
  settings: ProblemSettings,
  ends: readonly End[],
): (Fix | undefined)[] {
  const fixes: (Fix | undefined)[] = new Array<Fix | undefined>(functions.length).fill(undefined);
  for (const { index, bits } of ends) if (bits !== undefined) fixes[index] = { bits, by: 'pin' };
  functions.forEach((f, i) => {
    const allowed = ruleOf(f, settings);
    if (allowed?.length === 1) fixes[i] = { bits: allowed[0], by: 'rule' };
    else if (allowed && fixes[i]) fixes[i] = undefined;
  });
  functions.forEach((f, i) => {
    const bits = Object.hasOwn(settings.locks, f.name) ? settings.locks[f.name] : undefined;
    if (bits !== undefined) fixes[i] = { bits, by: 'lock' };
  });
  for (const group of settings.ties) handOn(group, fixes, functions);
  return fixes;
}

function handOn(
  group: readonly number[],
  fixes: (Fix | undefined)[],
  functions: readonly SizedFunction[],
): void {
  const by = (kind: FixedBy): number[] => group.filter((i) => fixes[i]?.by === kind);
  const locked = by('lock');
  const source = locked[0] ?? by('rule')[0] ?? by('pin')[0];
  if (source === undefined) return;
  const fix = fixes[source] as Fix;
  const contrary = locked.find((i) => fixes[i]?.bits !== fix.bits);
  if (contrary !== undefined) {
    throw new SettingsError(
      `"${functions[source].name}" and "${functions[contrary].name}" are tied to each other but are locked at ` +
        `${fix.bits} and ${fixes[contrary]?.bits} bits: lock them at the same width or unlock one.`,
    );
  }
  for (const i of group) fixes[i] = { bits: fix.bits, by: fix.by };
}
