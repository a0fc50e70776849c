/** The model that a quantized file was made from, and the question whether that one is meant. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { modelPathOf } from '../config/paths';
import type { InspectReply } from '../engine/protocol';
import { sourceOf } from '../pipeline/originalOf';
import type { Services } from './services';

/** null: it is no quantized file, or its original is not beside it. */
export async function quantizedFrom({ models }: Services, file: vscode.Uri): Promise<vscode.Uri | null> {
  const { quantized } = await models.inspect(file.fsPath);
  const source = quantized && (await sourceOf(file.fsPath, quantized));
  return source ? vscode.Uri.file(modelPathOf(source.config, source.path)) : null;
}

/** Which of the two is to be quantized; undefined: the user pressed Escape. */
export async function meantModel(
  services: Services,
  file: vscode.Uri,
  { network }: InspectReply,
): Promise<vscode.Uri | undefined> {
  const name = basename(file.path);
  const original = await quantizedFrom(services, file);
  const instead = original && vscode.l10n.t('Quantize {0}', basename(original.path));
  const anyway = network.functions.length > 0 ? vscode.l10n.t('Quantize It Again') : null;
  const choice = await vscode.window.showWarningMessage(
    vscode.l10n.t('{0} was quantized by OMPQ already.', name),
    {
      modal: true,
      detail: anyway
        ? vscode.l10n.t('Only the layers that it keeps as floats can be quantized.')
        : vscode.l10n.t('No layer of it is left to quantize.'),
    },
    ...[instead, anyway].filter((each) => each !== null),
  );
  if (choice === undefined) return undefined;
  return choice === instead ? original! : file;
}
