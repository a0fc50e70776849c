/** Everything a config gets in the text editor. */
import * as vscode from 'vscode';
import type { Services } from '../services';
import { Annotations } from './annotations';
import { registerConfigCommands } from './commands';
import { Diagnostics } from './diagnostics';
import { CONFIG_SELECTOR } from './documents';
import { Fixes } from './fixes';
import { ConfigLenses } from './lenses';

export function registerConfigEditor(context: vscode.ExtensionContext, services: Services): void {
  registerConfigCommands(context, services);
  context.subscriptions.push(
    vscode.languages.registerCodeLensProvider(CONFIG_SELECTOR, new ConfigLenses()),
    vscode.languages.registerCodeActionsProvider(CONFIG_SELECTOR, new Fixes(), {
      providedCodeActionKinds: Fixes.kinds,
    }),
    new Annotations(),
    new Diagnostics(services),
  );
}
