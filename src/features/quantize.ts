/** "Quantize with OMPQ": pick the data, pick the budget, score, allocate, write the config and open it. */
import * as vscode from 'vscode';
import { missingSizes } from '../calibration/inputs/openSizes';
import type { DataSpec } from '../calibration/inputs/spec';
import type { BudgetSpec } from '../config/budget';
import type { Quality } from '../config/types';
import type { InspectReply } from '../engine/protocol';
import type { AllocationSettings } from '../pipeline/settings';
import { configPathFor } from '../config/paths';
import { quantize, type QuantizeResult } from '../pipeline/quantize';
import { announce } from './announce';
import { COMMAND } from './ids';
import { pickBudget } from './pickBudget';
import { type DataChoice, dataSteps } from './pickData';
import { wantedModel } from './pickModel';
import { pickShapes } from './pickShapes';
import { withProgress } from './progress';
import { reported, type Services } from './services';
import { meantModel } from './quantizedFrom';
import { readSettings, type Settings } from './settings';
import { askInTurn } from './wizard';

/** Answers that need not be asked for; also what is remembered per model. */
export interface Choices {
  data?: DataChoice;
  /** Data whose preprocessing is still to be asked for; absolute path. */
  path?: string;
  shapes?: Record<string, number[]>;
  budget?: BudgetSpec;
  /** With it, the budget is the answer. */
  quality?: Quality;
}

type Answers = Required<Omit<Choices, 'quality' | 'path'>> & Pick<Choices, 'quality'>;

/** Resolves to the config's path, or undefined where the user pressed Escape. */
export async function quantizeCommand(
  services: Services,
  uri?: vscode.Uri,
  given: Choices | vscode.Uri[] = {},
): Promise<string | undefined> {
  if (Array.isArray(given)) {
    await quantizeMany(services, given);
    return undefined;
  }
  const model = uri ?? (await wantedModel(vscode.l10n.t('Quantize with OMPQ: which model?')));
  if (!model) return undefined;
  const prepared = await prepare(services, model, given);
  if (!prepared) return undefined;
  const result = await run(services, prepared);
  const config = vscode.Uri.file(prepared.configPath);
  await vscode.window.showTextDocument(config, { preview: false });
  await vscode.commands.executeCommand(COMMAND.openBitMap, config);
  announce(result);
  return prepared.configPath;
}

/** The answers for the first are those for all; the jobs run one after another. */
async function quantizeMany(services: Services, models: vscode.Uri[]): Promise<void> {
  const first = await prepare(services, models[0], {});
  if (!first) return;
  const { data, budget, quality } = first.choices;
  const one = async (model: vscode.Uri, at: number): Promise<void> => {
    const prepared = at === 0 ? first : await prepare(services, model, { data, budget, quality });
    if (prepared) announce(await run(services, prepared));
  };
  await Promise.all(models.map((model, at) => reported(services.log, () => one(model, at))));
}

interface Prepared {
  model: vscode.Uri;
  configPath: string;
  settings: Settings;
  choices: Answers;
}

/** Everything that must be known before the job; undefined: the user pressed Escape. */
async function prepare(services: Services, model: vscode.Uri, given: Choices): Promise<Prepared | undefined> {
  if (model.scheme !== 'file') {
    throw new Error(
      vscode.l10n.t(
        '{0} is not on a disk that the engine can read; open the folder locally or over Remote.',
        model.toString(),
      ),
    );
  }
  const configPath = configPathFor(model.fsPath);
  refuseDirty(configPath);
  const settings = readSettings(model);
  const inspect = await withProgress(vscode.l10n.t('Reading {0}', name(model)), (options) =>
    services.engine.request(
      { kind: 'inspect', model: model.fsPath, granularity: settings.granularity, shapes: given.shapes ?? {} },
      options,
    ),
  );
  if (inspect.quantized) {
    const meant = await meantModel(services, model, inspect);
    if (!meant) return undefined;
    if (meant.fsPath !== model.fsPath) return prepare(services, meant, given);
  }
  const last = new Memory(services.context.workspaceState, model).recall();
  const choices = await ask(services, model, inspect, settings, given, last);
  return choices && { model, configPath, settings, choices };
}

async function run(
  services: Services,
  { model, configPath, settings, choices }: Prepared,
): Promise<QuantizeResult> {
  const result = await services.jobs.run(vscode.l10n.t('Quantizing {0}', name(model)), (options) =>
    quantize(
      services.engine,
      {
        model: model.fsPath,
        data: dataSpec(choices, settings),
        granularity: settings.granularity,
        centered: settings.centered,
        decay: settings.decay,
        beta: settings.beta,
        provider: settings.provider,
        memoryLimit: settings.memoryLimit,
      },
      { ...allocationSettings(settings), budget: choices.budget, quality: choices.quality },
      configPath,
      { ...options, cache: services.cache },
    ),
  );
  logResult(services.log, result);
  services.device.show(result.scored.score.provider);
  await services.orms.keepScored(result);
  // what has failed is not offered again
  await new Memory(services.context.workspaceState, model).keep(choices);
  return result;
}

async function ask(
  services: Services,
  model: vscode.Uri,
  inspect: InspectReply,
  settings: Settings,
  given: Choices,
  last: Choices,
): Promise<Answers | undefined> {
  const { inputs } = inspect.network;
  const { path, ...answers }: Choices = given;
  const words = {
    title: vscode.l10n.t('Quantize with OMPQ: calibration data'),
    placeholder: vscode.l10n.t('About 64 unlabelled inputs like those the model will see'),
  };
  const isAnswered = await askInTurn([
    ...(given.data
      ? []
      : dataSteps({ services, model, path, last: last.data, words }, (data) => (answers.data = data))),
    async () => {
      answers.shapes = given.shapes ?? {};
      const open = missingSizes(inputs, answers.shapes);
      if (given.shapes || answers.data?.path !== null || open.length === 0) return 'skipped';
      answers.shapes = await pickShapes(open, last.shapes);
      return answers.shapes ? 'answered' : 'escaped';
    },
    async () => {
      if (given.budget) return 'skipped';
      const before = last.budget && { budget: last.budget, quality: last.quality };
      const target = await pickBudget(inspect, allocationSettings(settings), before);
      answers.budget = target?.budget;
      answers.quality = target?.quality;
      return target ? 'answered' : 'escaped';
    },
  ]);
  return isAnswered ? (answers as Answers) : undefined;
}

function dataSpec({ data, shapes }: Answers, { samples, seed }: Settings): DataSpec {
  return { path: data.path, samples, seed, shapes, preprocessing: data.preprocessing };
}

function allocationSettings({
  widths,
  pin,
  objective,
  contestRounding,
  searchSeconds,
}: Settings): Omit<AllocationSettings, 'budget'> {
  return { objective, widths, pin, locks: {}, contest: { rounding: contestRounding, searchSeconds } };
}

function refuseDirty(path: string): void {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.fsPath === path);
  if (open?.isDirty)
    throw new Error(vscode.l10n.t('{0} has unsaved changes; save or revert them first.', path));
}

function logResult(log: vscode.LogOutputChannel, { scored, config, kept }: QuantizeResult): void {
  const { score } = scored;
  for (const warning of score.warnings) log.warn(warning);
  log.info(
    `${config.model.file}: ${score.samples} samples (${score.dataDescription}) on ${score.provider}` +
      `${scored.cached ? ', from the cache' : ''}; ` +
      `load ${score.seconds.load.toFixed(2)} s, score ${score.seconds.score.toFixed(2)} s; ` +
      `solver ${config.solver.status}, gap ${config.solver.gap.toExponential(1)}`,
  );
  if (kept.length > 0) log.info(`Kept the locked or edited bits of ${kept.join(', ')}.`);
}

function name(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

/** Choices of the last run, per model. */
class Memory {
  private readonly key: string;

  constructor(
    private readonly state: vscode.Memento,
    model: vscode.Uri,
  ) {
    this.key = `choices:${model.toString()}`;
  }

  recall(): Choices {
    return this.state.get<Choices>(this.key, {});
  }

  async keep(choices: Choices): Promise<void> {
    await this.state.update(this.key, choices);
  }
}
