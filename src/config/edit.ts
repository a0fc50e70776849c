/** Changes to a config by hand: bits and locks, with the bytes and totals that follow from them. */
import { roundedUp } from '../common/sizes';
import { storageCode } from '../common/storageCode';
import type { BitWidth } from '../core/problem/widths';
import type { SizeModel } from '../onnx/packing/size';
import type { Config, ConfigFunction } from './config';

export interface FunctionEdit {
  bits?: BitWidth;
  lock?: boolean;
}

/**
 * The config with some functions changed.
 * @param size of the same functions in the same order
 * @param ties groups of function indices that share their weights: they change together
 */
export function editConfig(
  config: Config,
  edits: ReadonlyMap<string, FunctionEdit>,
  size: SizeModel,
  ties: readonly (readonly number[])[],
): Config {
  const functions = config.functions.map((f) => ({ ...f, ...edits.get(f.name) }));
  for (const group of ties) {
    const source = group.find((i) => edits.has(config.functions[i].name));
    if (source === undefined) continue;
    for (const i of group) functions[i].bits = functions[source].bits;
  }
  return recount({ ...config, functions }, size);
}

/** Names of the functions whose bits were edited since the solver ran, and that are not locked. */
export function editedFunctions({ functions, solver }: Config): string[] {
  return functions.filter((f, i) => !f.lock && f.bits !== solver.bits[i]).map((f) => f.name);
}

/** The config with the solver's bits wherever they were edited; locked ones stay. */
export function takeBackEdits(config: Config, size: SizeModel): Config {
  const edited = new Set(editedFunctions(config));
  const functions = config.functions.map((f, i) =>
    edited.has(f.name) ? { ...f, bits: config.solver.bits[i] } : f,
  );
  return recount({ ...config, functions }, size);
}

/** The config with bytes and totals as its bits demand. */
export function recount(config: Config, size: SizeModel): Config {
  const functions = config.functions.map((f, i): ConfigFunction => ({
    ...f,
    bytes: size.functionBytes[i][storageCode(f.bits, f.group)],
  }));
  const sum = (value: (f: ConfigFunction) => number): number =>
    functions.reduce((total, f) => total + value(f), 0);
  const params = sum((f) => f.params);
  return {
    ...config,
    functions,
    totals: {
      ...config.totals,
      fixedBytes: size.fixedBytes,
      bytes: size.fixedBytes + sum((f) => f.bytes),
      averageBits: roundedUp(
        (sum((f) => f.params * f.bits) + groupBits(functions, size)) / Math.max(1, params),
        6,
      ),
      params,
    },
  };
}

/** Bits that scales of groups take beyond one scale an output. */
function groupBits(functions: readonly ConfigFunction[], { functionBytes }: SizeModel): number {
  return functions.reduce(
    (bits, f, i) => bits + 8 * (functionBytes[i][storageCode(f.bits, f.group)] - functionBytes[i][f.bits]),
    0,
  );
}

/** Does the config speak of exactly these functions, in this order? */
export function matchesFunctions(config: Config, names: readonly string[]): boolean {
  return config.functions.length === names.length && config.functions.every((f, i) => f.name === names[i]);
}

/** Bits the solver must leave alone: locked functions, and those edited by hand since it ran. */
export function lockedBits(config: Config): Record<string, BitWidth> {
  const given = config.functions.filter((f, i) => f.lock || f.bits !== config.solver.bits[i]);
  return Object.fromEntries(given.map((f) => [f.name, f.bits]));
}
