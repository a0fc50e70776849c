/** The tools that an agent calls: each checks its paths, does one verb of the pipeline, and answers with plain data. */
import { existsSync } from 'node:fs';
import { writeAtomically } from '../common/atomicFile';
import { CONFIG_SUFFIX } from '../config/config';
import { editConfig } from '../config/edit';
import { writeConfig } from '../config/format';
import { suggestion } from '../config/names';
import type { Config } from '../config/types';
import { SettingsError } from '../core/allocation/buildProblem';
import type { BitWidth } from '../core/problem/widths';
import type { ActivationBits, EvaluateReply } from '../engine/protocol';
import { inspectFor } from '../pipeline/configured';
import { evaluateModels } from '../pipeline/evaluate';
import { explain } from '../pipeline/explain';
import { exportModel, freeModelPath, ROUNDING_SAMPLES } from '../pipeline/export';
import { settledData, withGuess } from '../pipeline/settledData';
import { gatherReport } from '../pipeline/report/gather';
import { reportAsHtml } from '../pipeline/report/html';
import { reportAsMarkdown } from '../pipeline/report/markdown';
import { askedData, type DataArguments, openConfig, type Tool, type ToolContext, totalsOf } from './context';
import { quantizeTool } from './quantizeTool';

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
  const asked = await askedData({ ...given, samples: given.limit }, roots);
  const { data, guess } = await settledData(engine, model, asked, options);
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
  return evaluationOf(withGuess(reply, guess));
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
