/** The tools that an agent calls: each checks its paths, does one verb of the pipeline, and answers with plain data. */
import { existsSync } from 'node:fs';
import type { DataSpec, Preprocessing } from '../../calibration/inputs/spec';
import { writeAtomically } from '../../common/atomicFile';
import type { BudgetSpec } from '../../config/budget';
import { CONFIG_SUFFIX, readConfig } from '../../config/config';
import { editConfig } from '../../config/edit';
import { writeConfig } from '../../config/format';
import { suggestion } from '../../config/names';
import { configPathFor, modelPathOf } from '../../config/paths';
import type { Config, Quality } from '../../config/types';
import { winnerOf } from '../../config/winner';
import { SettingsError } from '../../core/allocation/buildProblem';
import type { Objective } from '../../core/allocation/objectives';
import type { BitWidth } from '../../core/problem/widths';
import type { Engine } from '../../engine/client';
import type { ActivationBits, EvaluateReply } from '../../engine/protocol';
import { dataOf, inspectFor } from '../../pipeline/configured';
import { evaluateModels } from '../../pipeline/evaluate';
import { explain } from '../../pipeline/explain';
import { exportModel, freeModelPath, ROUNDING_SAMPLES } from '../../pipeline/export';
import { quantize } from '../../pipeline/quantize';
import { gatherReport } from '../../pipeline/report/gather';
import { reportAsHtml } from '../../pipeline/report/html';
import { reportAsMarkdown } from '../../pipeline/report/markdown';
import type { ScoreOptions } from '../../pipeline/settings';
import type { Roots } from './roots';

export interface ToolContext {
  engine: Engine;
  roots: Roots;
  options: ScoreOptions;
}

/** Arguments have been held against the tool's schema. */
type Tool = (given: never, context: ToolContext) => Promise<object>;

interface DataArguments {
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

async function dataSpec(given: DataArguments, roots: Roots): Promise<DataSpec> {
  const { preset = 'imagenet', mean, std, resize, layout, channels } = given;
  return {
    path: given.data === undefined ? null : await roots.allowed(given.data),
    samples: given.samples ?? 64,
    seed: given.seed ?? 0,
    shapes: given.shapes ?? {},
    preprocessing: { preset, mean, std, resize, layout, channels },
  };
}

/** The config, with the files that it speaks of held against the roots, too. */
async function openConfig(path: string, roots: Roots): Promise<{ path: string; config: Config }> {
  const allowed = await roots.allowed(path);
  const config = await readConfig(allowed);
  await roots.allowed(modelPathOf(config, allowed));
  const data = dataOf(config, allowed);
  if (data.path !== null) await roots.allowed(data.path);
  return { path: allowed, config };
}

async function inspect(given: { model: string }, { engine, roots, options }: ToolContext): Promise<object> {
  const model = await roots.allowed(given.model);
  const request = { kind: 'inspect' as const, model, granularity: 'layer' as const, shapes: {} };
  const { network, bytes, size } = await engine.request(request, options);
  return {
    model,
    bytes,
    inputs: network.inputs.map(({ name, shape, elemType }) => ({ name, shape, elemType })),
    layers: network.functions.map((f, i) => ({
      name: f.name,
      op: f.op,
      weights: f.params,
      macs: f.macs,
      bytesAt4Bits: size.functionBytes[i][4],
    })),
    bytesNotQuantized: size.fixedBytes,
    staysFloat: network.skipped,
  };
}

interface QuantizeArguments extends DataArguments {
  model: string;
  sizeBytes?: number;
  averageBits?: number;
  ratio?: number;
  quality?: Quality;
  objective?: Objective;
  searchSeconds?: number;
  locks?: Record<string, BitWidth>;
  out?: string;
}

async function quantizeTool(
  given: QuantizeArguments,
  { engine, roots, options }: ToolContext,
): Promise<object> {
  const model = await roots.allowed(given.model);
  const out = await roots.allowed(given.out ?? configPathFor(model), true);
  if (!out.endsWith(CONFIG_SUFFIX))
    throw new SettingsError(`The name of a config ends with ${CONFIG_SUFFIX}: ${out} does not.`);
  const result = await quantize(
    engine,
    {
      model,
      data: await dataSpec(given, roots),
      granularity: 'layer',
      centered: true,
      decay: 'exp',
      beta: 1,
      provider: 'auto',
      memoryLimit: 0,
    },
    {
      objective: given.objective ?? 'auto',
      budget: budgetOf(given),
      widths: [2, 3, 4, 5, 6, 7, 8],
      pin: { first: 'auto', last: 'auto' },
      locks: given.locks ?? {},
      quality: given.quality,
      contest: { rounding: 'nearest', searchSeconds: given.searchSeconds ?? 5 },
    },
    out,
    options,
  );
  const { config, scored } = result;
  const winner = winnerOf(config.contest);
  return {
    config: out,
    ...totalsOf(config),
    modelBytes: config.model.bytes,
    measured: winner && {
      kl: winner.kl,
      agreement: winner.agreement,
      sqnrDb: winner.sqnrDb,
      rounding: config.contest?.rounding,
      samples: config.contest?.samples,
    },
    bits: Object.fromEntries(config.functions.map((f) => [f.name, f.bits])),
    kept: result.kept,
    preparation: scored.score.preparation,
    synthetic: scored.score.synthetic,
    warnings: scored.score.warnings,
  };
}

function budgetOf({ sizeBytes, averageBits, ratio, quality }: QuantizeArguments): BudgetSpec {
  const budgets: BudgetSpec[] = [];
  if (sizeBytes !== undefined) budgets.push({ bytes: sizeBytes });
  if (averageBits !== undefined) budgets.push({ averageBits });
  if (ratio !== undefined) budgets.push({ ratio });
  if (budgets.length > 1 || (budgets.length === 0 && !quality)) {
    throw new SettingsError('Give exactly one of sizeBytes, averageBits and ratio, or a quality.');
  }
  return budgets[0] ?? { ratio: 1 };
}

const totalsOf = ({ totals }: Config) => ({ bytes: totals.bytes, averageBits: totals.averageBits });

async function pareto(given: { config: string }, { engine, roots, options }: ToolContext): Promise<object> {
  const { path, config } = await openConfig(given.config, roots);
  const { curve } = await gatherReport(engine, path, config, null, options);
  return { now: totalsOf(config), points: curve };
}

async function explainTool(
  given: { config: string; layer?: string; most?: number },
  { engine, roots, options }: ToolContext,
): Promise<object> {
  const { path, config } = await openConfig(given.config, roots);
  const all = explain(config, await inspectFor(engine, path, config, options));
  if (given.layer !== undefined) {
    checkNames([given.layer], config);
    return { layers: all.filter(({ name }) => name === given.layer) };
  }
  const sorted = [...all].sort((a, b) => (b.noiseShare ?? 0) - (a.noiseShare ?? 0));
  return { layers: sorted.slice(0, given.most ?? 20), of: all.length };
}

function checkNames(names: string[], config: Config): void {
  const known = config.functions.map((f) => f.name);
  const odd = names.find((name) => !known.includes(name));
  if (odd !== undefined) throw new SettingsError(`The config has no layer "${odd}"${suggestion(odd, known)}`);
}

async function setBits(
  given: { config: string; bits: Record<string, BitWidth | null> },
  { engine, roots, options }: ToolContext,
): Promise<object> {
  const { path, config } = await openConfig(given.config, roots);
  checkNames(Object.keys(given.bits), config);
  const { size, network } = await inspectFor(engine, path, config, options);
  const solved = new Map(config.functions.map((f, i) => [f.name, config.solver.bits[i]]));
  const edits = new Map(
    Object.entries(given.bits).map(([name, bits]) => [
      name,
      bits === null ? { bits: solved.get(name)!, lock: false } : { bits, lock: true },
    ]),
  );
  const edited = editConfig(config, edits, size, network.ties);
  await writeConfig(path, edited);
  return { config: path, before: totalsOf(config), after: totalsOf(edited) };
}

async function exportTool(
  given: {
    config: string;
    out?: string;
    rounding?: 'reconstruct' | 'gptq' | 'nearest';
    activationBits?: ActivationBits;
    overwrite?: boolean;
  },
  { engine, roots, options }: ToolContext,
): Promise<object> {
  const { path, config } = await openConfig(given.config, roots);
  const out = await roots.allowed(given.out ?? freeModelPath(path), true);
  if (!/\.onnx$/i.test(out)) throw new SettingsError(`The name of a model ends with .onnx: ${out} does not.`);
  const done = await exportModel(
    engine,
    path,
    config,
    {
      out,
      overwrite: given.overwrite ?? false,
      rounding: given.rounding ?? 'reconstruct',
      scaleType: 'float32',
      activations:
        given.activationBits === undefined ? null : { bits: given.activationBits, range: 'percentile' },
      samples: ROUNDING_SAMPLES,
      provider: 'auto',
      memoryLimit: 0,
    },
    options,
  );
  return { model: out, warnings: done.export.warnings, ...evaluationOf(done.evaluation) };
}

async function evalTool(
  given: DataArguments & {
    model: string;
    other?: string;
    classes?: string;
    limit?: number;
    perLayer?: boolean;
  },
  { engine, roots, options }: ToolContext,
): Promise<object> {
  const model = await roots.allowed(given.model);
  const other = given.other === undefined ? null : await roots.allowed(given.other);
  const data = await dataSpec({ ...given, samples: given.limit }, roots);
  const classes = given.classes === undefined ? {} : { classes: await roots.allowed(given.classes) };
  const reply = await evaluateModels(
    engine,
    model,
    other,
    { ...data, ...classes },
    {
      all: given.limit === undefined && data.path !== null,
      perLayer: given.perLayer === true && other !== null,
      provider: 'auto',
      memoryLimit: 0,
    },
    options,
  );
  return evaluationOf(reply);
}

function evaluationOf({
  samples,
  models,
  against,
  layers,
  synthetic,
  preparation,
  warnings,
}: EvaluateReply): object {
  return { samples, synthetic, models, against, layers, preparation, warnings };
}

async function report(
  given: { config: string; model?: string; out?: string },
  { engine, roots, options }: ToolContext,
): Promise<object> {
  const { path, config } = await openConfig(given.config, roots);
  const exported = given.model === undefined ? null : await roots.allowed(given.model);
  const out = await roots.allowed(given.out ?? `${path.slice(0, -CONFIG_SUFFIX.length)}.report.html`, true);
  if (!/\.(html?|md)$/i.test(out)) throw new SettingsError(`${out} is neither .html nor .md.`);
  if (existsSync(out)) throw new SettingsError(`${out} exists already; name another file.`);
  const gathered = await gatherReport(engine, path, config, exported, options);
  await writeAtomically(out, /\.md$/i.test(out) ? reportAsMarkdown(gathered) : reportAsHtml(gathered));
  return { report: out };
}

export const HANDLERS: Readonly<Record<string, Tool>> = {
  inspect,
  quantize: quantizeTool,
  pareto,
  explain: explainTool,
  set_bits: setBits,
  export: exportTool,
  eval: evalTool,
  report,
};
