/** "Evaluate": the original and a quantized model side by side, reported as a page that can be kept. */
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { printable } from '../common/printable';
import { formatSize } from '../common/sizes';
import { modelPathOf } from '../config/paths';
import { formatSqnr } from '../config/quality';
import type { EvaluateReply } from '../engine/protocol';
import { dataOf } from '../pipeline/configured';
import { evaluateModels } from '../pipeline/evaluate';
import { configOf } from './configEditor/documents';
import { type DataChoice, pickData } from './pickData';
import { pickOne } from './pickOne';
import { escaped, Reports } from './reports';
import { evaluationOf } from './runs';
import type { Services } from './services';
import { readSettings } from './settings';

/** Answers that need not be asked for. */
export interface EvaluateChoices {
  /** Absolute path of the quantized model. */
  other?: string;
  data?: DataChoice;
}

export async function evaluateCommand(
  services: Services,
  uri?: vscode.Uri,
  choices: EvaluateChoices = {},
): Promise<EvaluateReply | undefined> {
  const { uri: configUri, config } = await configOf(uri);
  const model = modelPathOf(config, configUri.fsPath);
  const other = choices.other ?? (await pickOther(vscode.Uri.file(model)));
  if (!other) return undefined;
  const calibration = dataOf(config, configUri.fsPath);
  const last = { path: calibration.path, preprocessing: calibration.preprocessing };
  const data =
    choices.data ??
    (await pickData({
      services,
      model: vscode.Uri.file(model),
      last,
      words: {
        title: vscode.l10n.t('Evaluate: data'),
        placeholder: vscode.l10n.t(
          'With labels (folders named by class, .npz, CSV): top-1 and top-5. Without: agreement',
        ),
      },
    }));
  if (!data) return undefined;
  const { provider, memoryLimit } = readSettings(configUri);
  const reply = await services.jobs.run(vscode.l10n.t('Evaluating {0}', basename(other)), (options) =>
    evaluateModels(
      services.engine,
      model,
      other,
      { ...calibration, ...data },
      { all: data.path !== null, perLayer: true, provider, memoryLimit },
      options,
    ),
  );
  for (const warning of reply.warnings) services.log.warn(warning);
  services.device.show(reply.provider);
  const reportName = Reports.nameFor(basename(other));
  const exported = services.history.runs(vscode.Uri.file(model)).find(({ file }) => file === other);
  await services.history.keep(vscode.Uri.file(model), {
    ...evaluationOf(reply, exported?.bits ?? [], exported?.rounding ?? '-'),
    sha256: config.model.sha256,
    kind: 'evaluate',
    config: basename(configUri.fsPath),
    file: other,
    ...(exported?.activationBits === undefined ? {} : { activationBits: exported.activationBits }),
    report: reportName,
  });
  await services.reports.show(reportName, report(reply));
  return reply;
}

async function pickOther(model: vscode.Uri): Promise<string | undefined> {
  const folder = new vscode.RelativePattern(dirname(model.fsPath), '*.onnx');
  const found = (await vscode.workspace.findFiles(folder)).filter((uri) => uri.fsPath !== model.fsPath);
  const items = found.map((uri) => ({ label: basename(uri.fsPath), path: uri.fsPath }));
  const browse = { label: `$(folder-opened) ${vscode.l10n.t('Browse...')}`, path: '' };
  const item = await pickOne([...items, browse], {
    title: vscode.l10n.t('Evaluate: which model against {0}?', basename(model.fsPath)),
    placeholder: vscode.l10n.t('A quantized model with the same inputs'),
  });
  if (item !== browse) return item?.path;
  const picked = await vscode.window.showOpenDialog({ defaultUri: model, filters: { ONNX: ['onnx'] } });
  return picked?.[0]?.fsPath;
}

function report({
  models,
  against,
  layers,
  samples,
  dataDescription,
  synthetic,
  seconds,
  provider,
  warnings,
}: EvaluateReply): string {
  const percent = (value: number | null): string => (value === null ? '-' : `${(100 * value).toFixed(2)} %`);
  const lines = [
    `# ${vscode.l10n.t('Evaluation')}`,
    '',
    vscode.l10n.t(
      '{0} samples ({1}) in {2} s on {3}',
      samples,
      escaped(dataDescription),
      seconds.toFixed(1),
      escaped(provider),
    ),
    '',
    ...(synthetic
      ? [`> **${vscode.l10n.t('Synthetic input: these numbers say little about real data.')}**`, '']
      : []),
    `| ${vscode.l10n.t('model')} | ${vscode.l10n.t('size')} | top-1 | top-5 |`,
    '|---|---:|---:|---:|',
    ...models.map(({ path, bytes, top1, top5 }) => {
      return `| ${escaped(basename(path))} | ${formatSize(bytes)} | ${percent(top1)} | ${percent(top5)} |`;
    }),
    '',
  ];
  if (against) {
    lines.push(
      `## ${vscode.l10n.t('Against the original')}`,
      '',
      ...(against.agreement === null
        ? []
        : [`- ${vscode.l10n.t('same answer')}: ${percent(against.agreement)}`]),
      ...(against.kl === null
        ? []
        : [`- ${vscode.l10n.t('KL divergence')}: ${against.kl.toPrecision(3)} nats`]),
      ...against.outputs.flatMap(({ name, sqnrDb, cosine }) => {
        if (sqnrDb === null || cosine === null) return [];
        return `- \`${printable(name).replace(/[`\n]/g, "'")}\`: SQNR ${formatSqnr(sqnrDb, vscode.l10n.t('identical'))}, cosine ${cosine.toFixed(5)}`;
      }),
      '',
    );
  }
  if (layers && layers.length > 0) lines.push(...layerTable(layers));
  return [...lines, ...warnings.map((warning) => `> ${escaped(warning)}\n`)].join('\n');
}

/** Where the error enters. */
function layerTable(layers: NonNullable<EvaluateReply['layers']>): string[] {
  return [
    `## ${vscode.l10n.t('Where the error enters')}`,
    '',
    vscode.l10n.t("Each layer's output against the original's, in network order:"),
    '',
    // names are long: last, they push no number out of a narrow preview
    `| SQNR | ${vscode.l10n.t('cosine')} | ${vscode.l10n.t('layer')} |`,
    '|---:|---:|---|',
    ...layers.map(({ name, sqnrDb, cosine }) => {
      return `| ${formatSqnr(sqnrDb, vscode.l10n.t('identical'))} | ${cosine.toFixed(5)} | ${escaped(name)} |`;
    }),
    '',
  ];
}
