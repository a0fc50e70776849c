/** What the lenses and quick fixes do to a config: solve again, change bits, lock. All of it can be undone. */
import * as vscode from 'vscode';
import { formatSize } from '../../config/budget';
import { editConfig, matchesFunctions, recount, type FunctionEdit } from '../../config/edit';
import { parseConfig, type Config } from '../../config/config';
import { BIT_WIDTHS, type BitWidth } from '../../core/widths';
import type { InspectReply } from '../../engine/protocol';
import { modelPathOf, resolveConfig } from '../../pipeline';
import { COMMAND } from '../ids';
import { pickOne } from '../pickOne';
import { reported, type Services } from '../services';
import { configOf, replaceConfig } from './documents';

interface Opened {
  document: vscode.TextDocument;
  config: Config;
  inspect: InspectReply;
}

export function registerConfigCommands(context: vscode.ExtensionContext, services: Services): void {
  const register = (
    id: string,
    run: (opened: Opened, name?: string, bits?: BitWidth) => Promise<void>,
  ): void => {
    context.subscriptions.push(
      vscode.commands.registerCommand(id, (uri?: vscode.Uri, name?: string, bits?: BitWidth) =>
        reported(services.log, async () => run(await open(services, uri), name, bits)),
      ),
    );
  };
  register(COMMAND.resolve, ({ document, config, inspect }) =>
    replaceConfig(document, resolveConfig(config, inspect)),
  );
  register(COMMAND.updateTotals, ({ document, config, inspect }) =>
    replaceConfig(document, recount(config, inspect.size)),
  );
  register(COMMAND.changeBits, changeBits);
  register(COMMAND.toggleLock, async (opened, name) => {
    const f = named(opened, name);
    await edit(opened, f.name, { lock: !f.lock });
  });
  context.subscriptions.push(
    vscode.commands.registerCommand(COMMAND.quantizeConfig, (uri: vscode.Uri) =>
      reported(services.log, async () => {
        const document = await vscode.workspace.openTextDocument(uri);
        const model = modelPathOf(parseConfig(document.getText(), uri.fsPath), uri.fsPath);
        await vscode.commands.executeCommand(COMMAND.quantize, vscode.Uri.file(model));
      }),
    ),
  );
}

async function changeBits(opened: Opened, name?: string, bits?: BitWidth): Promise<void> {
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
