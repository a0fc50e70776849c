/** Everything a config gets in the text editor. */
import * as vscode from 'vscode';
import { CONFIG_SUFFIX } from '../../config/paths';
import type { Services } from '../services';
import { Annotations } from './annotations';
import { Diagnostics } from './diagnostics';
import { CONFIG_SELECTOR } from './documents';
import { Fixes } from './fixes';
import { ConfigFormatter } from './formatter';
import { LayerCards } from './layerCards';
import { ConfigLenses } from './lenses';
import { QualityStatus, qualityOf } from './qualityStatus';

/** VS Code's own formatter of JSON stays on offer beside ours; both are asked for by the name of the file. */
const FORMATTED: vscode.DocumentSelector = { pattern: `**/*${CONFIG_SUFFIX}` };

export function configHelpers(services: Services): vscode.Disposable[] {
  const quality = qualityOf(services);
  const lenses = new ConfigLenses(quality, services.history.onDidChange);
  return [
    new QualityStatus(services, quality),
    lenses,
    vscode.languages.registerCodeLensProvider(CONFIG_SELECTOR, lenses),
    vscode.languages.registerDocumentFormattingEditProvider(FORMATTED, new ConfigFormatter()),
    vscode.languages.registerHoverProvider(CONFIG_SELECTOR, new LayerCards()),
    vscode.languages.registerCodeActionsProvider(CONFIG_SELECTOR, new Fixes(), {
      providedCodeActionKinds: Fixes.kinds,
    }),
    new Annotations(),
    new Diagnostics(services),
  ];
}
