/** Everything a config gets in the text editor. */
import * as vscode from 'vscode';
import type { Services } from '../services';
import { Annotations } from './annotations';
import { Diagnostics } from './diagnostics';
import { CONFIG_SELECTOR } from './documents';
import { Fixes } from './fixes';
import { ConfigLenses } from './lenses';

export function configHelpers(services: Services): vscode.Disposable[] {
  return [
    vscode.languages.registerCodeLensProvider(CONFIG_SELECTOR, new ConfigLenses()),
    vscode.languages.registerCodeActionsProvider(CONFIG_SELECTOR, new Fixes(), {
      providedCodeActionKinds: Fixes.kinds,
    }),
    new Annotations(),
    new Diagnostics(services),
  ];
}
