/** "Export quantized model": from a config to a smaller .onnx file, measured against the original. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { unlinked } from '../common/printable';
import { formatSize } from '../common/sizes';
import type { Config } from '../config/config';
import { keepsNeeded, neededActivations } from '../config/neededActivations';
import { modelPathOf } from '../config/paths';
import { formatSqnr } from '../config/quality';
import type { ActivationChoice, ExportRequest } from '../engine/protocol';
import {
  type Exported,
  exportModel,
  freeModelPath,
  ROUNDING_SAMPLES,
  searchedActivations,
} from '../pipeline/export';
import { configOf } from './configEditor/documents';
import { COMMAND } from './ids';
import { pickOne } from './pickOne';
import { evaluationOf } from './runs';
import type { Services } from './services';
import { readSettings } from './settings';
import { askInTurn } from './wizard';

type Rounding = ExportRequest['rounding'];

/** Answers that need not be asked for. */
export interface ExportChoices {
  rounding?: Rounding;
  /** Bits of the activations; null: they stay floats. Where `out` is given, by default as the settings say. */
  activations?: ActivationChoice['bits'] | null;
  /** Absolute path. */
  out?: string;
}

/** Resolves to the written file's path, or undefined where the user pressed Escape. */
export async function exportCommand(
  services: Services,
  uri?: vscode.Uri,
  choices: ExportChoices = {},
): Promise<string | undefined> {
  const { uri: configUri, config } = await configOf(uri);
  const { provider, memoryLimit, activations: setting } = readSettings(configUri);
  // What was searched is part of the config; the question is for those where nothing was.
  const isSearched = config.allocation.activationWidths !== undefined;
  const form = await pickForm(choices, setting, isSearched);
  if (!form) return undefined;
  const { rounding, activations: asked } = form;
  const target = choices.out ? vscode.Uri.file(choices.out) : await pickTarget(configUri.fsPath);
  if (!target) return undefined;
  const activations = isSearched
    ? searchedActivations(config, configUri.fsPath, asked?.range ?? 'percentile')
    : asked;
  const title = vscode.l10n.t('Exporting {0}', basename(target.fsPath));
  const exported = await services.jobs.run(title, (options) =>
    exportModel(
      services.engine,
      configUri.fsPath,
      config,
      // The save dialog has asked whether to replace a file.
      {
        out: target.fsPath,
        overwrite: !choices.out,
        rounding,
        scaleType: 'float32',
        activations,
        samples: ROUNDING_SAMPLES,
        provider,
        memoryLimit,
      },
      { ...options, cache: services.cache },
    ),
  );
  for (const warning of exported.export.warnings) services.log.warn(warning);
  services.device.show(exported.export.provider);
  await services.history.keep(vscode.Uri.file(modelPathOf(config, configUri.fsPath)), {
    ...evaluationOf(
      exported.evaluation,
      config.functions.map((f) => f.bits),
      rounding,
    ),
    sha256: config.model.sha256,
    kind: 'export',
    config: basename(configUri.fsPath),
    file: target.fsPath,
    ...(activations ? { activationBits: activations.bits } : {}),
  });
  const needed = neededActivations(config);
  if (needed && !keepsNeeded(config, needed, isSearched ? 'config' : (asked?.bits ?? null))) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t(
        '{0} does not keep the limit on {1}, which counts {2}-bit activations: set "ompq.export.activationBits" and export again.',
        basename(target.fsPath),
        needed.limits,
        needed.bits,
      ),
    );
  }
  const summary = summarise(exported, config);
  services.log.info(summary);
  void offerNextSteps(summary, configUri, target);
  return exported.path;
}

interface Form {
  rounding: Rounding;
  activations: ActivationChoice | null;
}

/** What is not given, nor decided by a search, is asked for. undefined: the user pressed Escape. */
async function pickForm(
  { rounding, activations, out }: ExportChoices,
  setting: ActivationChoice | null,
  isSearched: boolean,
): Promise<Form | undefined> {
  const form: Partial<Form> = { rounding };
  const range = setting?.range ?? 'percentile';
  const isAnswered = await askInTurn([
    async () => {
      if (rounding) return 'skipped';
      form.rounding = await pickRounding();
      return form.rounding ? 'answered' : 'escaped';
    },
    async () => {
      form.activations = typeof activations === 'number' ? { bits: activations, range } : setting;
      if (activations === null) form.activations = null;
      if (isSearched || activations !== undefined || out) return 'skipped';
      const bits = await pickActivations(setting);
      if (bits === undefined) return 'escaped';
      form.activations = bits === null ? null : { bits, range };
      return 'answered';
    },
  ]);
  return isAnswered ? (form as Form) : undefined;
}

/** null: they stay floats. */
async function pickActivations(
  setting: ActivationChoice | null,
): Promise<ActivationChoice['bits'] | null | undefined> {
  const bits = setting?.bits ?? 8;
  const items = [
    {
      bits: null,
      label: vscode.l10n.t('Weights only'),
      description: vscode.l10n.t('activations stay floats'),
    },
    {
      bits,
      label: vscode.l10n.t('Weights and {0}-bit activations', bits),
      description: vscode.l10n.t('runs in integers where the hardware does; needs opset 13 or later'),
    },
  ];
  const item = await pickOne(items, {
    title: vscode.l10n.t('Export quantized model: activations'),
    placeholder: vscode.l10n.t('What is quantized'),
    active: items[setting ? 1 : 0],
    canGoBack: true,
  });
  return item && item.bits;
}

function pickRounding(): Promise<Rounding | undefined> {
  const items = [
    {
      rounding: 'reconstruct' as const,
      label: vscode.l10n.t('Reconstruct'),
      description: vscode.l10n.t('most accurate: GPTQ, then coordinate descent on the calibration inputs'),
    },
    {
      rounding: 'gptq' as const,
      label: 'GPTQ',
      description: vscode.l10n.t('in between'),
    },
    {
      rounding: 'nearest' as const,
      label: vscode.l10n.t('Nearest'),
      description: vscode.l10n.t('seconds; good at 5 bits and more'),
    },
  ];
  return pickOne(items, {
    title: vscode.l10n.t('Export quantized model: rounding method'),
    placeholder: vscode.l10n.t('Rounding method'),
  }).then((item) => item?.rounding);
}

function pickTarget(configPath: string): Thenable<vscode.Uri | undefined> {
  return vscode.window.showSaveDialog({
    title: vscode.l10n.t('Export quantized model'),
    defaultUri: vscode.Uri.file(freeModelPath(configPath)),
    filters: { ONNX: ['onnx'] },
    saveLabel: vscode.l10n.t('Export'),
  });
}

function summarise({ path, export: reply, evaluation }: Exported, { model }: Config): string {
  const agreement = evaluation.against?.agreement;
  const size = vscode.l10n.t(
    '{0}: {1}, {2} times smaller than {3}.',
    basename(path),
    formatSize(reply.bytes),
    (model.bytes / reply.bytes).toFixed(1),
    basename(model.file),
  );
  const sqnr = formatSqnr(evaluation.against?.sqnrDb ?? NaN, vscode.l10n.t('identical'));
  if (agreement === null || agreement === undefined) {
    return `${size} ${vscode.l10n.t('SQNR against it: {0}.', sqnr)}`;
  }
  const same = vscode.l10n.t(
    'Same answer on {0} % of {1} calibration inputs.',
    (100 * agreement).toFixed(1),
    evaluation.samples,
  );
  return evaluation.synthetic
    ? `${size} ${same} ${vscode.l10n.t('These inputs were synthetic.')}`
    : `${size} ${same}`;
}

async function offerNextSteps(summary: string, config: vscode.Uri, target: vscode.Uri): Promise<void> {
  const evaluate = vscode.l10n.t('Evaluate...');
  const reveal = vscode.l10n.t('Show in Explorer');
  const choice = await vscode.window.showInformationMessage(unlinked(summary), evaluate, reveal);
  if (choice === evaluate)
    await vscode.commands.executeCommand(COMMAND.evaluate, config, { other: target.fsPath });
  if (choice === reveal) await vscode.commands.executeCommand('revealInExplorer', target);
}
