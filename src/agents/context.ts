/** What the tools for agents share: the files that a call may touch, and the data that it names. */
import type { Preprocessing } from '../calibration/inputs/spec';
import { readConfig } from '../config/config';
import { modelPathOf } from '../config/paths';
import type { Config } from '../config/types';
import type { Engine } from '../engine/client';
import { dataOf } from '../pipeline/configured';
import type { ScoreOptions } from '../pipeline/settings';
import type { AskedData } from '../pipeline/settledData';
import type { Roots } from './roots';

export interface ToolContext {
  engine: Engine;
  roots: Roots;
  options: ScoreOptions;
}

/** Arguments have been held against the tool's schema. */
export type Tool = (given: never, context: ToolContext) => Promise<object>;

export interface DataArguments {
  data?: string;
  preset?: Preprocessing['preset'];
  mean?: number[];
  std?: number[];
  resize?: Preprocessing['resize'];
  layout?: Preprocessing['layout'];
  channels?: Preprocessing['channels'];
  shapes?: Record<string, number[]>;
  samples?: number;
  seed?: number;
}

export async function askedData(given: DataArguments, roots: Roots): Promise<AskedData> {
  const { preset, mean, std, resize, layout, channels } = given;
  return {
    path: given.data === undefined ? null : await roots.allowed(given.data),
    samples: given.samples ?? 64,
    seed: given.seed ?? 0,
    shapes: given.shapes ?? {},
    preprocessing: { preset, mean, std, resize, layout, channels },
  };
}

/** The config, with the files that it speaks of held against the roots, too. */
export async function openConfig(path: string, roots: Roots): Promise<{ path: string; config: Config }> {
  const allowed = await roots.allowed(path);
  const config = await readConfig(allowed);
  await roots.allowed(modelPathOf(config, allowed));
  const data = dataOf(config, allowed);
  if (data.path !== null) await roots.allowed(data.path);
  return { path: allowed, config };
}

/** Bytes of the file, and its average bits. */
export const totalsOf = ({ totals }: Config) => ({ bytes: totals.bytes, averageBits: totals.averageBits });
