/** Lines of a Python file -> the functions they make, for the network whose modules the file defines. */
import type { ConfigFunction } from '../../config/config';
import { matchModules } from '../../pytorch/match';
import { modulePath } from '../../pytorch/paths';
import { readModules } from '../../pytorch/source';

export interface ConfiguredNetwork {
  /** Absolute path of the config. */
  config: string;
  layers: { node: string; weight: string; function: ConfigFunction }[];
}

export interface LineBits {
  line: number;
  config: string;
  /** Functions with a layer made on this line, in network order. */
  functions: ConfigFunction[];
}

/** Empty where no network fits, or two fit equally well and disagree. */
export function bitsByLine(source: string, networks: readonly ConfiguredNetwork[]): LineBits[] {
  // Parsing is the dear part, and most Python files define no module.
  if (networks.length === 0 || !source.includes('class ')) return [];
  const classes = readModules(source);
  const fits = networks.flatMap((network) => fit(classes, network) ?? []);
  fits.sort((a, b) => b.matched - a.matched);
  const [best, second] = fits;
  if (!best || (second?.matched === best.matched && !sameBits(best.lines, second.lines))) return [];
  return best.lines;
}

function fit(
  classes: ReturnType<typeof readModules>,
  { config, layers }: ConfiguredNetwork,
): { matched: number; lines: LineBits[] } | null {
  const named = layers.flatMap((layer) => {
    const path = modulePath(layer.weight, layer.node);
    return path ? [{ path, function: layer.function }] : [];
  });
  const found = matchModules(
    classes,
    named.map(({ path }) => path),
  );
  if (!found) return null;
  const byLine = new Map<number, LineBits>();
  for (const { path, function: f } of named) {
    const line = found.get(path.join('.'));
    if (line === undefined) continue;
    const entry = byLine.get(line) ?? { line, config, functions: [] };
    if (!entry.functions.includes(f)) entry.functions.push(f);
    byLine.set(line, entry);
  }
  return { matched: found.size, lines: [...byLine.values()].sort((a, b) => a.line - b.line) };
}

function sameBits(a: LineBits[], b: LineBits[]): boolean {
  const text = (lines: LineBits[]): string =>
    JSON.stringify(lines.map((l) => [l.line, l.functions.map((f) => f.bits)]));
  return text(a) === text(b);
}
