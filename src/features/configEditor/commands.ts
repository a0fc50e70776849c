/** What the lenses and quick fixes do to a config: solve again, change bits, lock. All of it can be undone. */
import * as vscode from 'vscode';
import { unlinked } from '../../common/printable';
import { formatSize } from '../../common/sizes';
import type { Config } from '../../config/config';
import {
  editConfig,
  editedFunctions,
  type FunctionEdit,
  matchesFunctions,
  recount,
  takeBackEdits,
} from '../../config/edit';
import { modelPathOf } from '../../config/paths';
import { InfeasibleBudgetError } from '../../core/allocation/infeasible';
import { BIT_WIDTHS, type BitWidth } from '../../core/problem/widths';
import type { InspectReply } from '../../engine/protocol';
import { resolveConfig } from '../../pipeline/resolve';
import { COMMAND } from '../ids';
import { pickOne } from '../pickOne';
import type { Services } from '../services';
import { configOf, replaceConfig } from './documents';

interface Opened {
  document: vscode.TextDocument;
  config: Config;
  inspect: InspectReply;
}

export async function resolve(services: Services, uri?: vscode.Uri): Promise<void> {
  const { document, config, inspect } = await open(services, uri);
  const edited = editedFunctions(config).length;
  let solved: Config;
  try {
    solved = resolveConfig(config, inspect);
  } catch (error) {
    if (!(error instanceof InfeasibleBudgetError) || edited === 0) throw error;
    void offerTakingBack(document, error.message);
    return;
  }
  if (edited === 0 || solved.functions.some((f, i) => f.bits !== config.functions[i].bits)) {
    return replaceConfig(document, solved);
  }
  await replaceConfig(document, recount(config, inspect.size));
  void offerTakingBack(
    document,
    vscode.l10n.t('Solving again changed nothing: bits edited by hand stay, and there are {0}.', edited),
  );
}

/** Not awaited: the answer may never come. */
async function offerTakingBack({ uri }: vscode.TextDocument, message: string): Promise<void> {
  const takeBack = vscode.l10n.t('Revert Manual Bit Changes');
  const choice = await vscode.window.showInformationMessage(unlinked(message), takeBack);
  if (choice === takeBack) await vscode.commands.executeCommand(COMMAND.takeBackBits, uri);
}

/** The solver's bits again, wherever they were edited by hand and not locked. */
export async function takeBackBits(services: Services, uri?: vscode.Uri): Promise<void> {
  const { document, config, inspect } = await open(services, uri);
  await replaceConfig(document, takeBackEdits(config, inspect.size));
}

export async function updateTotals(services: Services, uri?: vscode.Uri): Promise<void> {
  const { document, config, inspect } = await open(services, uri);
  await replaceConfig(document, recount(config, inspect.size));
}

export async function toggleLock(services: Services, uri?: vscode.Uri, name?: string): Promise<void> {
  const opened = await open(services, uri);
  const f = named(opened, name);
  await edit(opened, f.name, { lock: !f.lock });
}

export async function quantizeConfig(_services: Services, uri?: vscode.Uri): Promise<void> {
  const { config, document } = await configOf(uri);
  const model = modelPathOf(config, document.fileName);
  await vscode.commands.executeCommand(COMMAND.quantize, vscode.Uri.file(model));
}

/** @param bits asked for by default */
export async function changeBits(
  services: Services,
  uri?: vscode.Uri,
  name?: string,
  bits?: BitWidth,
): Promise<void> {
  const opened = await open(services, uri);
  const f = named(opened, name);
  const width = bits ?? (await pickWidth(opened, f.name));
  // A width the user chose is meant to stay.
  if (width !== undefined) await edit(opened, f.name, { bits: width, lock: true });
}

async function pickWidth({ config, inspect }: Opened, name: string): Promise<BitWidth | undefined> {
  const i = config.functions.findIndex((f) => f.name === name);
  const { bits: now } = config.functions[i];
  const items = BIT_WIDTHS.map((bits) => ({
    bits,
    label: bits === 32 ? vscode.l10n.t('32 bits (as it is)') : vscode.l10n.t('{0} bits', bits),
    description: formatSize(inspect.size.functionBytes[i][bits]),
  }));
  const item = await pickOne(items, {
    title: vscode.l10n.t('Bits of {0} (locks it)', name),
    placeholder: vscode.l10n.t('Now {0} bits', now),
    active: items.find(({ bits }) => bits === now),
  });
  return item?.bits;
}

async function edit(
  { document, config, inspect }: Opened,
  name: string,
  change: FunctionEdit,
): Promise<void> {
  await replaceConfig(
    document,
    editConfig(config, new Map([[name, change]]), inspect.size, inspect.network.ties),
  );
}

function named({ config, document }: Opened, name: string | undefined): Config['functions'][number] {
  const f = config.functions.find((candidate) => candidate.name === name);
  if (!f) throw new Error(vscode.l10n.t('{0} has no function "{1}".', document.fileName, name ?? ''));
  return f;
}

/** The config at `uri` (default: the active editor's) as it is in the editor now, and its model. */
async function open({ models }: Services, uri: vscode.Uri | undefined): Promise<Opened> {
  const { document, config } = await configOf(uri);
  const path = modelPathOf(config, document.fileName);
  const inspect = await models.inspect(path, config.scoring.granularity, config.calibration);
  const names = inspect.network.functions.map((f) => f.name);
  if (!matchesFunctions(config, names)) {
    throw new Error(
      vscode.l10n.t(
        '{0} does not list the functions of {1}: quantize the model again.',
        document.fileName,
        path,
      ),
    );
  }
  return { document, config, inspect };
}
