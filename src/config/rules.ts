/** Rules and tie groups that a user writes as patterns over names, and the functions that they mean. */
import picomatch from 'picomatch';
import { SettingsError } from '../core/allocation/buildProblem';
import type { BitWidth } from '../core/problem/widths';

/** Pattern -> the one width, or the widths, of all functions that it matches; a later rule beats an earlier one. */
export type Rules = Record<string, BitWidth | BitWidth[]>;

/** What patterns are held against: the function's name, those of its nodes, and their operators. */
export interface Named {
  name: string;
  op: string;
  layers: readonly { node: string; op: string }[];
}

/** Star and question mark as in a shell, but a star does not stop at a slash: names in models are of any depth. */
const OPTIONS = { bash: true, dot: true, capture: true } as const;
const OPERATOR = 'op:';

/** Function name -> the widths that rules leave it. @throws SettingsError for a rule that matches nothing */
export function resolveRules(functions: readonly Named[], rules: Rules = {}): Record<string, BitWidth[]> {
  const found: Record<string, BitWidth[]> = {};
  for (const [pattern, bits] of Object.entries(rules)) {
    const matches = matcher(pattern);
    const widths = [...new Set([bits].flat())].sort((a, b) => a - b);
    const named = functions.filter((f) => matches(f) !== null);
    if (named.length === 0) throw matchesNothing('rule', pattern, functions);
    for (const { name } of named) found[name] = widths;
  }
  return found;
}

/**
 * The groups of the file and those of the user, as indices. Functions that match a pattern of a group are tied; where
 * patterns have parentheses, those for which the text in the parentheses is the same.
 * @throws SettingsError for a pattern that matches nothing
 */
export function resolveTies(
  functions: readonly Named[],
  fileTies: readonly (readonly number[])[],
  groups: readonly (readonly string[])[] = [],
): number[][] {
  const own = groups.flatMap((patterns) => {
    const byText = new Map<string, Set<number>>();
    for (const pattern of patterns) {
      const matches = matcher(pattern);
      const texts = functions.map(matches);
      if (texts.every((text) => text === null)) throw matchesNothing('tie', pattern, functions);
      texts.forEach((text, i) => {
        if (text !== null) byText.set(text, (byText.get(text) ?? new Set()).add(i));
      });
    }
    return [...byText.values()].map((members) => [...members].sort((a, b) => a - b));
  });
  return [...fileTies.map((tie) => [...tie]), ...own.filter((members) => members.length > 1)];
}

/** What stands in the parentheses of the pattern ('' without any), null where a function does not match. */
function matcher(pattern: string): (f: Named) => string | null {
  if (pattern.startsWith(OPERATOR)) {
    const wanted = pattern.slice(OPERATOR.length).toLowerCase();
    return ({ op, layers }) =>
      [op, ...layers.map((layer) => layer.op)].some((each) => each.toLowerCase() === wanted) ? '' : null;
  }
  const expression = picomatch.makeRe(pattern, OPTIONS);
  return ({ name, layers }) => {
    for (const each of [name, ...layers.map(({ node }) => node)]) {
      // Names with brackets and the like mean themselves first.
      if (each === pattern) return '';
      const match = expression.exec(each);
      if (match) return match.slice(1).join('\0');
    }
    return null;
  };
}

function matchesNothing(what: 'rule' | 'tie', pattern: string, functions: readonly Named[]): SettingsError {
  const [noun, given] = pattern.startsWith(OPERATOR)
    ? ['operators', [...new Set(functions.map((f) => f.op))]]
    : ['first names', functions.slice(0, 5).map((f) => f.name)];
  return new SettingsError(
    `No function matches the ${what} "${pattern}"; the ${noun} are ${given.join(', ')}.`,
  );
}
