/** "Copy As...": the bits of a config for another tool, onto the clipboard or into a file. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { COMMANDS, commandLine, type CommandName, shellOf } from '../pipeline/commandLine';
import { foreignPath, readNameMap, writeForeign } from '../pipeline/foreign';
import type { Format, Written } from '../interop/format';
import { formatOf, FORMATS } from '../interop/formats/formats';
import { NameError, type NameMap } from '../interop/names';
import { unlinked } from '../common/printable';
import { configOf } from './configEditor/documents';
import { pickOne } from './pickOne';
import { withProgress } from './progress';
import type { Services } from './services';

/** Answers that need not be asked for. */
export interface CopyChoices {
  /** Id of the format. */
  format?: string;
}

export async function copyAs(services: Services, uri?: vscode.Uri, choices: CopyChoices = {}): Promise<void> {
  const { uri: configUri, config } = await configOf(uri);
  const id = choices.format ?? (await pickFormat());
  if (id === undefined) return;
  const command = COMMANDS.find((name) => commandId(name) === id);
  if (command) {
    await vscode.env.clipboard.writeText(
      commandLine(command, config, configUri.fsPath, shellOf(vscode.env.shell)),
    );
    vscode.window.setStatusBarMessage(vscode.l10n.t('Copied: {0}', commandTitle(command)), 3000);
    return;
  }
  const format = formatOf(id, FORMATS);
  const path = configUri.fsPath;
  const write = (names: NameMap): Promise<Written> =>
    withProgress(vscode.l10n.t('Copying as {0}', format.title), (options) =>
      writeForeign(services.engine, path, config, format, names, { ...options, cache: services.cache }),
    );
  const result = await withNameMap(write);
  if (!result) return;
  for (const warning of result.warnings) services.log.warn(warning);
  const proposal = vscode.Uri.file(foreignPath(path, format));
  if (typeof result.content !== 'string') {
    await save(proposal, result.content);
    return;
  }
  await vscode.env.clipboard.writeText(result.content);
  void offerFile(format, result, proposal);
}

/** Ids beside those of the formats. */
export const commandId = (name: CommandName): string => `command-${name}`;
export const commandTitle = (name: CommandName): string => vscode.l10n.t('CLI command: ompq {0}', name);

async function pickFormat(): Promise<string | undefined> {
  const commands = COMMANDS.map((name) => ({
    id: commandId(name),
    label: commandTitle(name),
    detail: vscode.l10n.t('for a shell, with the settings of this config'),
  }));
  const formats = FORMATS.map(({ id, title, use }) => ({ id, label: title, detail: use }));
  const items = [...commands, ...formats];
  const item = await pickOne(items, {
    title: vscode.l10n.t('Copy as...'),
    placeholder: vscode.l10n.t('The tool that is to use these bits'),
  });
  return item?.id;
}

/** Where layers have no name in the other tool, the user may choose a name map. undefined: they did not. */
async function withNameMap(write: (names: NameMap) => Promise<Written>): Promise<Written | undefined> {
  try {
    return await write(new Map());
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    const choose = vscode.l10n.t('Choose Name Map...');
    const detail = vscode.l10n.t(
      "A name map is a JSON file: an object from names of the model's nodes to names of the other tool.",
    );
    const answer = await vscode.window.showErrorMessage(
      unlinked(error.message),
      { modal: true, detail },
      choose,
    );
    if (answer !== choose) return undefined;
    const [chosen] = (await vscode.window.showOpenDialog({ filters: { JSON: ['json'] } })) ?? [];
    return chosen ? write(await readNameMap(chosen.fsPath)) : undefined;
  }
}

async function offerFile(
  { title }: Format,
  { content, warnings }: Written,
  proposal: vscode.Uri,
): Promise<void> {
  const saveAs = vscode.l10n.t('Save as File...');
  const copied = vscode.l10n.t('Copied: {0}', title);
  const choice =
    warnings.length > 0
      ? await vscode.window.showWarningMessage(unlinked([`${copied}.`, ...warnings].join(' ')), saveAs)
      : await vscode.window.showInformationMessage(copied, saveAs);
  if (choice === saveAs) await save(proposal, Buffer.from(content));
}

async function save(proposal: vscode.Uri, content: Uint8Array): Promise<void> {
  const extension = basename(proposal.path).split('.').pop() ?? '';
  const target = await vscode.window.showSaveDialog({
    defaultUri: proposal,
    filters: { [extension.toUpperCase()]: [extension] },
  });
  if (target) await vscode.workspace.fs.writeFile(target, content);
}
