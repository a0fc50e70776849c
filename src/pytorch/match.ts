/** Which line of a Python file makes which module of a network. Silent where the file does not say. */
import { pathTree, type PathTree } from './paths';
import type { ModuleClass, ModuleExpression } from './source';

/** Module path, joined by dots -> line. */
type Lines = Map<string, number>;

interface Match {
  lines: Lines;
  /** Weighted modules that the class makes and the network does not have: tells BasicBlock from Bottleneck. */
  unused: number;
}

/** Two classes fit equally well. */
const AMBIGUOUS = Symbol('ambiguous');

const WEIGHTED = /^(?:Lazy)?(?:Conv(?:Transpose)?\d?d|Linear)$/;
const MAX_DEPTH = 64;
/** Below this share of the network's modules a class is not the network. */
const ENOUGH = 0.5;

/**
 * @param paths module paths of the network's layers
 * @returns for each path that the file makes, joined by dots, its line; null where no class fits or several do equally
 */
export function matchModules(
  classes: ReadonlyMap<string, ModuleClass>,
  paths: readonly (readonly string[])[],
): ReadonlyMap<string, number> | null {
  const tree = pathTree(paths);
  const matcher = new Matcher(classes);
  const best = bestOf([...classes.keys()].map((name) => matcher.inside(name, tree, '', 0)));
  if (
    best === AMBIGUOUS ||
    best === null ||
    best.lines.size < ENOUGH * new Set(paths.map((p) => p.join('.'))).size
  ) {
    return null;
  }
  return best.lines;
}

class Matcher {
  constructor(private readonly classes: ReadonlyMap<string, ModuleClass>) {}

  /** The modules of `tree` that an instance of the class makes. */
  inside(className: string, tree: PathTree, prefix: string, depth: number): Match {
    const attributes = this.classes.get(className)?.attributes ?? new Map<string, ModuleExpression>();
    const parts = [...tree.children].flatMap(([name, child]) => {
      const made = attributes.get(name);
      return made ? [this.match(made, child, join(prefix, name), depth + 1)] : [];
    });
    const unused = [...attributes].filter(
      ([name, made]) => !tree.children.has(name) && isWeighted(made),
    ).length;
    return merge(parts, unused);
  }

  private match(made: ModuleExpression, tree: PathTree, path: string, depth: number): Match | null {
    if (depth > MAX_DEPTH) return null;
    const each = (item: (name: string) => ModuleExpression | undefined): Match =>
      merge(
        [...tree.children].map(([name, child]) => {
          const found = item(name);
          return found ? this.match(found, child, join(path, name), depth + 1) : null;
        }),
      );
    switch (made.kind) {
      case 'leaf':
        return tree.ends && tree.children.size === 0
          ? { lines: new Map([[path, made.line]]), unused: 0 }
          : null;
      case 'instance':
        return this.inside(made.className, tree, path, depth);
      case 'sequence':
        return each((name) => made.items[Number(name)]);
      case 'named':
        return each((name) => made.items.get(name));
      case 'repeat':
        return each((name) => (/^\d+$/.test(name) ? made.item : undefined));
      case 'choice': {
        const best = bestOf(made.options.map((option) => this.match(option, tree, path, depth + 1)));
        return best === AMBIGUOUS ? null : best;
      }
    }
  }
}

/** The match with the most lines, then the fewest unused modules; AMBIGUOUS where two say different things. */
function bestOf(matches: (Match | null)[]): Match | typeof AMBIGUOUS | null {
  const found = matches.filter((match): match is Match => match !== null && match.lines.size > 0);
  found.sort((a, b) => b.lines.size - a.lines.size || a.unused - b.unused);
  const [best, second] = found;
  if (!best) return null;
  const tied = second && second.lines.size === best.lines.size && second.unused === best.unused;
  return tied && !sameLines(best.lines, second.lines) ? AMBIGUOUS : best;
}

function merge(parts: (Match | null)[], unused = 0): Match {
  const lines: Lines = new Map();
  for (const part of parts) {
    if (!part) continue;
    for (const [path, line] of part.lines) lines.set(path, line);
    unused += part.unused;
  }
  return { lines, unused };
}

function sameLines(a: Lines, b: Lines): boolean {
  return [...a].every(([path, line]) => b.get(path) === line);
}

function isWeighted(made: ModuleExpression): boolean {
  return made.kind === 'leaf' && WEIGHTED.test(made.callee);
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}
