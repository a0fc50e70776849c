/** What scoring and the solver found, as a config. */
import { roundedUp } from '../common/sizes';
import { dirname } from 'node:path';
import { type Config, type Contest, NOISE_WIDTHS } from '../config/config';
import { groupNoiseOf } from '../config/noise';
import { timesOf } from '../config/latency';
import { portable } from '../config/paths';
import { codesOf } from '../core/allocation/solution';
import type { Allocation, Proof } from '../core/problem/problem';
import type { BitWidth } from '../core/problem/widths';
import { FLOAT_BITS, keepsFloats, namedFunction } from './problem';
import type { Scored } from './settings';
import { type AllocationSettings, type Measurements } from './settings';
import { budgetBytes } from './sizes';

interface Found extends Pick<Measurements, 'noise' | 'activationNoise'> {
  allocation: Allocation;
  contest?: Contest;
}

export function toConfig(
  scored: Scored,
  settings: AllocationSettings,
  { allocation, noise, activationNoise, contest }: Found,
  configPath: string,
): Config {
  const { settings: score, inspect } = scored;
  const folder = dirname(configPath);
  const { network, size } = inspect;
  const times = settings.latency && timesOf(network.functions.map(namedFunction), settings.latency);
  return {
    version: 1,
    model: { file: portable(folder, score.model), sha256: inspect.sha256, bytes: inspect.bytes },
    calibration: {
      path: score.data.path === null ? null : portable(folder, score.data.path),
      samples: scored.score.samples,
      seed: score.data.seed,
      shapes: score.data.shapes,
      preprocessing: score.data.preprocessing,
      ...(scored.score.preparation ? { preparation: scored.score.preparation } : {}),
      ...given('values', score.data.values),
      ...given('outputs', score.data.outputs),
      // None at all is an answer, too: every If changes its branch from sample to sample.
      ...(score.data.branches ? { branches: score.data.branches } : {}),
    },
    scoring: {
      granularity: score.granularity,
      centered: score.centered,
      decay: score.decay,
      beta: score.beta,
      provider: scored.score.provider,
    },
    allocation: {
      objective: settings.objective,
      budget: settings.budget,
      widths: settings.widths,
      ...given('groups', settings.groups),
      pin: settings.pin,
      ...given('limits', settings.limits),
      ...given('quality', settings.quality),
      ...given('rules', settings.rules),
      ...given('ties', settings.ties),
      ...given('activationBits', settings.activationBits),
      ...given('activationWidths', settings.activationWidths),
      ...given('restMilliseconds', settings.latency?.rest),
    },
    functions: network.functions.map((f, i) => ({
      name: f.name,
      bits: allocation.bits[i],
      ...given('group', allocation.groups?.[i] || undefined),
      lock: f.name in settings.locks,
      layers: f.layers.map((layer) => layer.node),
      params: f.params,
      macs: f.macs,
      gamma: Number(scored.gamma[i].toFixed(6)),
      importance: Number(scored.weight[i].toPrecision(9)),
      noise: noise ? NOISE_WIDTHS.map((bits) => Number(noise[i][bits].toPrecision(4))) : undefined,
      groupNoise: noise ? groupNoiseOf(noise[i]) : undefined,
      activationBits:
        allocation.activationBits?.[i] ??
        (settings.activationBits && keepsFloats(inspect, i) ? FLOAT_BITS : undefined),
      activationNoise: activationNoise && roundedNoise(activationNoise[i]),
      milliseconds: times?.[i],
      bytes: size.functionBytes[i][codesOf(allocation)[i]],
    })),
    contest,
    totals: {
      bytes: allocation.sizeBytes,
      budgetBytes: budgetBytes(inspect, settings.budget),
      fixedBytes: size.fixedBytes,
      averageBits: roundedUp(allocation.averageBits, 6),
      params: network.functions.reduce((sum, f) => sum + f.params, 0),
    },
    solver: certificate(allocation),
  };
}

function roundedNoise(byWidth: Readonly<Record<number, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(byWidth).map(([bits, noise]) => [bits, Number(noise.toPrecision(4))]),
  );
}

/** The key only where there is something to say. */
export function given<K extends string, V extends object | number>(
  key: K,
  value: V | undefined,
): Partial<Record<K, V>> {
  const isEmpty = value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
  return isEmpty ? {} : ({ [key]: value } as Record<K, V>);
}

/** Without the time: a config that says the same is the same file. */
export function certificate({ solver, bits }: { solver: Proof; bits: BitWidth[] }): Config['solver'] {
  const { status, objective, bound, gap } = solver;
  return { status, objective, bound, gap, bits };
}
