/** From a model, its config and its ORM to what the page shows, and from the page's edit back to a config. Pure. */
import { storageCode } from '../../common/storageCode';
import { BIT_WIDTHS } from '../../core/problem/widths';
import type { Capability, PanelEdit, PanelFunction, PanelState } from '../../../webview/protocol';
import type { Config } from '../../config/config';
import { editedFunctions, lockedBits, matchesFunctions, recount } from '../../config/edit';
import type { Evaluation } from '../../config/measured';
import { noiseByWidth } from '../../config/noise';
import { resolveRules, resolveTies } from '../../config/rules';
import { looksAtScores } from '../../config/winner';
import { SettingsError } from '../../core/allocation/buildProblem';
import { certificate } from '../../pipeline/newConfig';
import { budgetBytes } from '../../pipeline/sizes';
import { namedFunction } from '../../pipeline/problem';
import type { InspectReply } from '../../engine/protocol';
import type { KeptScore } from './ormCache';

export interface PanelSources {
  model: { uri: string; name: string };
  inspect: InspectReply;
  /** null: there is none, or it cannot be read. */
  config: { uri: string; name: string; dirty: boolean; value: Config } | null;
  score: KeptScore | null;
  evaluations: Evaluation[];
  capabilities: Capability[];
  copyFormats: PanelState['copyFormats'];
  warnings: string[];
}

export function panelState(sources: PanelSources): PanelState {
  const { model, inspect, score, capabilities, copyFormats } = sources;
  const { network, size } = inspect;
  const names = network.functions.map((f) => f.name);
  const config = sources.config && matchesFunctions(sources.config.value, names) ? sources.config : null;
  const value = config?.value;
  const given = value ? lockedBits(value) : {};
  const { rules, ties, wrong } = patterns(value, inspect);
  return {
    model: { ...model, bytes: inspect.bytes },
    config: config && { uri: config.uri, name: config.name, dirty: config.dirty },
    functions: network.functions.map((f, i): PanelFunction => {
      const entry = value?.functions[i];
      return {
        name: f.name,
        op: f.op,
        layers: f.layers.map((layer) => layer.node),
        shape: inspect.shapesOnData?.[i] ?? f.shape,
        params: f.params,
        macs: f.macs,
        stage: f.stage,
        bytes: ofGroup(size.functionBytes[i], entry?.group),
        bits: entry?.bits ?? null,
        locked: Object.hasOwn(given, f.name),
        gamma: entry?.gamma ?? null,
        noise: entry ? ofGroup(noiseByWidth(entry), entry.group) : null,
        milliseconds: entry?.milliseconds ?? null,
        activations: f.activations ?? null,
        activationBits: entry?.activationBits,
        activationNoise: entry?.activationNoise,
        kept: value && looksAtScores(value) ? (value.robustness?.kept[i] ?? null) : null,
      };
    }),
    skipped: network.skipped,
    staying: inspect.shares.staying,
    ties,
    rules,
    restMilliseconds: value?.allocation.restMilliseconds,
    quality: value?.allocation.quality,
    fixedBytes: size.fixedBytes,
    orm: value && score ? score.orm : null,
    settings: value
      ? {
          objective: value.allocation.objective,
          budget: value.allocation.budget,
          limits: value.allocation.limits ?? {},
          widths: value.allocation.widths,
          pins: value.allocation.pin,
          decay: value.scoring.decay,
          beta: value.scoring.beta,
        }
      : null,
    solver: value?.solver ?? null,
    edited: value ? editedFunctions(value) : [],
    contest: value?.contest ?? null,
    evaluations: sources.evaluations,
    scoring: value
      ? {
          provider: value.scoring.provider,
          samples: value.calibration.samples,
          seconds: score?.seconds ?? null,
          synthetic: value.calibration.path === null,
          centered: value.scoring.centered,
          data: score?.data ?? value.calibration.path ?? 'synthetic input',
        }
      : null,
    activationBits: value?.allocation.activationBits ?? 32,
    capabilities: config ? capabilities : capabilities.filter((c) => c === 'quantize'),
    copyFormats: config ? copyFormats : [],
    warnings: [...sources.warnings, ...doubts(sources), ...wrong],
  };
}

/** What the patterns of the config mean; one that means nothing is told instead of standing in the way. */
function patterns(config: Config | undefined, { network }: InspectReply) {
  const named = network.functions.map(namedFunction);
  try {
    const rules = resolveRules(named, config?.allocation.rules);
    return { rules, ties: resolveTies(named, network.ties, config?.allocation.ties), wrong: [] };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return { rules: {}, ties: network.ties, wrong: [error.message] };
  }
}

/** What makes the config's numbers doubtful. */
function doubts({ config, inspect }: PanelSources): string[] {
  if (!config) return [];
  const { value, name } = config;
  const names = inspect.network.functions.map((f) => f.name);
  if (!matchesFunctions(value, names)) {
    return [`${name} lists other functions than the model has: score again.`];
  }
  if (value.model.sha256 !== inspect.sha256) {
    return [`The model has changed since ${name} was made: score again.`];
  }
  return [];
}

/** The config with what the page asks for put in. */
export function editedConfig(config: Config, edit: PanelEdit, inspect: InspectReply): Config {
  const { settings, solver, chosen } = edit;
  const wanted = new Map(edit.functions.map((f) => [f.name, f]));
  const functions = config.functions.map((f) => {
    const { bits, locked, importance } = wanted.get(f.name) ?? {
      bits: f.bits,
      locked: f.lock,
      importance: f.importance,
    };
    return { ...f, bits, lock: locked, importance: Number(importance.toPrecision(9)) };
  });
  const { objective, budget, widths, pins, limits = {} } = settings;
  const { quality, limits: _limits, ...kept } = config.allocation;
  // The size was the answer to a question of quality as long as it is the same.
  const isAnswer = quality && JSON.stringify(budget) === JSON.stringify(config.allocation.budget);
  return recount(
    {
      ...config,
      scoring: { ...config.scoring, decay: settings.decay, beta: settings.beta },
      allocation: {
        ...kept,
        objective,
        budget,
        widths,
        pin: pins,
        ...(Object.keys(limits).length > 0 ? { limits } : {}),
        ...(isAnswer ? { quality } : {}),
      },
      contest: config.contest && chosen !== null ? { ...config.contest, chosen } : config.contest,
      functions,
      totals: { ...config.totals, budgetBytes: budgetBytes(inspect, budget) },
      solver: certificate({ solver, bits: functions.map((f) => f.bits) }),
    },
    inspect.size,
  );
}

/** A table by width, of the group that the config gives the function: the page changes widths only. */
function ofGroup<T extends Readonly<Record<number, number>> | null>(byCode: T, group = 0): T {
  if (!byCode || group === 0) return byCode;
  const own = BIT_WIDTHS.map((bits) => [bits, byCode[storageCode(bits, group)] ?? byCode[bits]]);
  return Object.fromEntries(own.filter(([, value]) => value !== undefined)) as T;
}
