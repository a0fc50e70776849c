/** Networks for the page's tests: seeded, made up, but shaped like real ones and allocated by the real solver. */
import { mulberry32 } from '../../../src/common/random';
import type { ContestEntry } from '../../../src/config/types';
import { allocate } from '../../../src/core/allocation/allocation';
import { allocateByObjective } from '../../../src/core/allocation/objectives';
import type { BitWidth } from '../../../src/core/problem/widths';
import { importance } from '../../../src/core/scoring/importance';
import { planQuestion, type Single } from '../../../webview/objective';
import { planOf } from '../../../webview/plan';
import { planProblem, weightsOf } from '../../../webview/problem';
import type { PanelFunction, PanelSettings, PanelState } from '../../../webview/protocol';

const SETTINGS: PanelSettings = {
  objective: 'orthogonality',
  budget: { averageBits: 4 },
  widths: [2, 3, 4, 5, 6, 7, 8],
  pins: { first: 8, last: 8 },
  decay: 'exp',
  beta: 0.3,
};

/** A network of inverted residuals with `count` functions, from the file alone. */
export function unscored(count: number, seed = 1): PanelState {
  const next = mulberry32(seed);
  const functions = Array.from({ length: count }, (_, i) => layer(i, count, next));
  const params = functions.reduce((sum, f) => sum + f.params, 0);
  return {
    model: { uri: `file:///models/net${count}.onnx`, name: `net${count}.onnx`, bytes: params * 4 + 20_000 },
    config: null,
    functions,
    staying: [{ op: 'BatchNormalization', bytes: 4096, largest: [{ name: 'bn.running_mean', bytes: 1024 }] }],
    skipped: [
      { name: '/head/LSTM', op: 'LSTM', reason: 'recurrent layers stay float' },
      { name: '/up/Resize_conv', op: 'Conv', reason: 'its weights are computed at run time' },
    ],
    ties: count >= 10 ? [[4, 6]] : [],
    fixedBytes: 20_000,
    orm: null,
    settings: null,
    solver: null,
    contest: null,
    scoring: null,
    activationBits: 32,
    capabilities: ['quantize'],
    copyFormats: [],
    warnings: [],
  };
}

/** The same scored and allocated, with one lock. */
export function scored(count: number, seed = 1, over: Partial<PanelSettings> = {}): PanelState {
  const base = unscored(count, seed);
  const settings = { ...SETTINGS, ...over };
  const orm = similarity(base.functions, mulberry32(seed + 100));
  const { gamma, weight } = importance(orm, count, { decay: settings.decay, beta: settings.beta });
  const locked = Math.floor(count / 3);
  const locks: Record<string, BitWidth> = { [base.functions[locked].name]: 6 };
  const { bits, solver } = allocate(planProblem(base, { ...settings, locks }, weight));
  return {
    ...base,
    config: { uri: `file:///models/net${count}.ompq.json`, name: `net${count}.ompq.json`, dirty: false },
    orm,
    settings,
    solver,
    functions: base.functions.map((f, i) => ({
      ...f,
      bits: bits[i],
      locked: i === locked,
      gamma: gamma[i],
      noise: noiseOf(f),
    })),
    scoring: {
      provider: 'CPU, 2 threads',
      samples: 64,
      seconds: 1.84,
      synthetic: false,
      centered: true,
      data: '64 of 256 images in calibration/',
    },
    capabilities: ['quantize', 'write', 'export', 'evaluate'],
    copyFormats: [
      { id: 'brecq', label: 'OMPQ / BRECQ --bit_cfg' },
      { id: 'aimet', label: 'AIMET encodings 1.0.0' },
    ],
  };
}

/** Falls by a factor of four with every bit, more of it in small layers. */
function noiseOf(f: PanelFunction): Record<number, number> {
  const at2 = 2.4 / Math.log10(f.params);
  return Object.fromEntries([2, 3, 4, 5, 6, 7, 8].map((bits) => [bits, at2 * 4 ** (2 - bits)]));
}

/** The same after a contest that `noise-aware, improved` won: one swap away from what the program answers. */
export function contested(count: number): PanelState {
  const state = scored(count);
  const settings: PanelSettings = { ...SETTINGS, objective: 'auto' };
  const plan = { ...settings, locks: planOf(state)!.locks };
  const { gamma, weight } = weightsOf(state, plan)!;
  const problem = planProblem(state, plan, weight);
  const solve = (objective: Single) => allocateByObjective(objective, { problem, gamma, scoring: plan });
  const objectives = ['uniform', 'orthogonality', 'noise-aware', 'orthogonality-noise'] as const;
  const candidates = objectives.map((objective, i): ContestEntry => {
    const { bits, sizeBytes, averageBits } = solve(objective);
    return {
      name: objective,
      objective,
      bytes: sizeBytes,
      averageBits,
      kl: [0.31, 0.22, 0.08, 0.09][i],
      agreement: [0.84, 0.88, 0.95, 0.94][i],
      sqnrDb: [9.1, 10.4, 16.2, 15.8][i],
      bits,
    };
  });
  const best = candidates[2];
  const narrower = best.bits.findIndex((b, i) => b > 2 && b <= 8 && i > 0 && i !== Math.floor(count / 3));
  const bits = best.bits.map((b, i) => (i === narrower ? ((b - 1) as BitWidth) : b));
  candidates.push({ ...best, name: 'noise-aware, improved', kl: 0.07, bits });
  return {
    ...state,
    settings,
    functions: state.functions.map((f, i) => ({ ...f, bits: bits[i] })),
    solver: { status: 'feasible', objective: 1, bound: 0.9, gap: 0.1 },
    contest: {
      rounding: 'nearest',
      samples: 64,
      heldOut: true,
      chosen: 'noise-aware, improved',
      asked: planQuestion({ ...plan, chosen: null }),
      candidates,
    },
  };
}

function layer(i: number, count: number, next: () => number): PanelFunction {
  const stage = Math.min(4, Math.floor((i / count) * 5));
  const channels = 16 * 2 ** stage;
  const edge = 112 / 2 ** stage;
  const kind =
    i === 0 ? 'stem' : i === count - 1 ? 'head' : (['expand', 'depthwise', 'project'] as const)[i % 3];
  const wide = channels * 4;
  const shapes = {
    stem: { params: 27 * channels, out: channels },
    expand: { params: channels * wide, out: wide },
    depthwise: { params: 9 * wide, out: wide },
    project: { params: wide * channels, out: channels },
    head: { params: wide * 200, out: 200 },
  };
  const { params, out } = shapes[kind];
  const size = Math.round(params * (0.9 + 0.2 * next()));
  const bytes = Object.fromEntries(
    [2, 3, 4, 5, 6, 7, 8].map((b) => [b, Math.ceil((size * b) / 8) + 4 * out + 180]),
  );
  const block = Math.floor((i + 1) / 3);
  const node =
    kind === 'head'
      ? '/classifier/Gemm'
      : kind === 'stem'
        ? '/features/features.0/conv/Conv'
        : `/features/features.${block}/${kind}/Conv`;
  return {
    name: node,
    op: kind === 'head' ? 'Gemm' : 'Conv',
    layers: [node],
    shape: kind === 'head' ? [1, 200] : ['N', out, edge, edge],
    params: size,
    macs: kind === 'head' ? size : size * edge * edge,
    stage: kind === 'head' ? 5 : stage,
    bytes: { ...bytes, 16: size * 2, 32: size * 4 },
    bits: null,
    locked: false,
    gamma: null,
    noise: null,
  };
}

/** Nearby functions resemble each other, stages form blocks, depthwise functions stand apart. */
function similarity(functions: PanelFunction[], next: () => number): Float64Array {
  const count = functions.length;
  const apart = functions.map((f) => (f.name.includes('depthwise') ? 0.16 : 0.02) * (0.4 + next()));
  const orm = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    orm[i * count + i] = 1;
    for (let j = 0; j < i; j++) {
      const stages = Math.abs(functions[i].stage - functions[j].stage);
      const value = (1 - apart[i]) * (1 - apart[j]) * Math.exp(-0.09 * stages - (0.25 * (i - j)) / count);
      orm[i * count + j] = orm[j * count + i] = value;
    }
  }
  return orm;
}
