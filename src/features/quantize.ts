/** "Quantize with OMPQ": pick the data, pick the budget, score, allocate, write the config and open it. */
import * as vscode from 'vscode';
import { missingSizes } from '../calibration/inputs/openSizes';
import type { DataSpec } from '../calibration/inputs/spec';
import type { BudgetSpec } from '../config/budget';
import type { InspectReply } from '../engine/protocol';
import type { AllocationSettings } from '../pipeline/settings';
import { configPathFor } from '../config/paths';
import { quantize, type QuantizeResult } from '../pipeline/quantize';
import { announce } from './announce';
import { COMMAND } from './ids';
import { pickBudget } from './pickBudget';
import { type DataChoice, pickData } from './pickData';
import { wantedModel } from './pickModel';
import { pickShapes } from './pickShapes';
import { withProgress } from './progress';
import type { Services } from './services';
import { readSettings, type Settings } from './settings';

/** Answers that need not be asked for; also what is remembered per model. */
export interface Choices {
  data?: DataChoice;
  shapes?: Record<string, number[]>;
  budget?: BudgetSpec;
}

/** Resolves to the config's path, or undefined where the user pressed Escape. */
export async function quantizeCommand(
  services: Services,
  uri?: vscode.Uri,
  given: Choices = {},
): Promise<string | undefined> {
  const model = uri ?? (await wantedModel(vscode.l10n.t('Quantize with OMPQ: which model?')));
  if (!model) return undefined;
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
  const memory = new Memory(services.context.workspaceState, model);
  const choices = await ask(model, inspect, settings, given, memory.recall());
  if (!choices) return undefined;
  await memory.keep(choices);

  const result = await services.device.working(vscode.l10n.t('Quantizing {0}', name(model)), (options) =>
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
      { ...allocationSettings(settings), budget: choices.budget },
      configPath,
      { ...options, cache: services.cache },
    ),
  );
  logResult(services.log, result);
  services.device.show(result.scored.score.provider);
  await services.orms.keepScored(result);
  const config = vscode.Uri.file(configPath);
  await vscode.window.showTextDocument(config, { preview: false });
  await vscode.commands.executeCommand(COMMAND.openBitMap, config);
  announce(result);
  return configPath;
}

async function ask(
  model: vscode.Uri,
  inspect: InspectReply,
  settings: Settings,
  given: Choices,
  last: Choices,
): Promise<Required<Choices> | undefined> {
  const { inputs } = inspect.network;
  const data =
    given.data ??
    (await pickData(model, inputs, last.data, {
      title: vscode.l10n.t('Quantize with OMPQ (1/2): calibration data'),
      placeholder: vscode.l10n.t('About 64 unlabelled inputs like those the model will see'),
    }));
  if (!data) return undefined;
  const open = missingSizes(inputs, given.shapes ?? {});
  const shapes = given.shapes ?? (data.path === null ? await pickShapes(open, last.shapes) : {});
  if (!shapes) return undefined;
  const budget = given.budget ?? (await pickBudget(inspect, allocationSettings(settings), last.budget));
  return budget && { data, shapes, budget };
}

function dataSpec({ data, shapes }: Required<Choices>, { samples, seed }: Settings): DataSpec {
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
      `solver ${config.solver.status}, gap ${config.solver.gap.toExponential(1)}, ${config.solver.milliseconds.toFixed(0)} ms`,
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
