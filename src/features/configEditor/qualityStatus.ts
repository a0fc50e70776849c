/** The measured quality of the config in the active editor, in the status bar. */
import * as vscode from 'vscode';
import { formatAverage } from '../../common/sizes';
import type { Config } from '../../config/types';
import { modelPathOf } from '../../config/paths';
import { judgement } from '../announce';
import { COMMAND } from '../ids';
import { DisposableStore } from '../disposableStore';
import type { Services } from '../services';
import { isConfigDocument, parseDocument } from './documents';

export type QualityOf = (document: vscode.TextDocument, config: Config) => ReturnType<typeof judgement>;

/** By the contest in the config, or by what was measured of its bits since. */
export function qualityOf({ history }: Services): QualityOf {
  return (document, config) => {
    const model = vscode.Uri.file(modelPathOf(config, document.fileName));
    return judgement(config, history.of(model, config.model.sha256));
  };
}

export class QualityStatus extends DisposableStore {
  private readonly item = this.add(
    vscode.window.createStatusBarItem('ompq.quality', vscode.StatusBarAlignment.Left, 1),
  );

  constructor(
    services: Services,
    private readonly quality: QualityOf,
  ) {
    super();
    this.item.name = vscode.l10n.t('OMPQ quality');
    const update = (): void => this.update(vscode.window.activeTextEditor?.document);
    this.add(vscode.window.onDidChangeActiveTextEditor(update));
    this.add(services.history.onDidChange(update));
    this.add(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document === vscode.window.activeTextEditor?.document) this.update(document);
      }),
    );
    update();
  }

  private update(document: vscode.TextDocument | undefined): void {
    const config = document && isConfigDocument(document) ? parseDocument(document).config : null;
    if (!document || !config) return this.item.hide();
    const quality = this.quality(document, config);
    const bits = vscode.l10n.t('{0} bits', formatAverage(config.totals.averageBits));
    this.item.text = quality
      ? `${quality.isPoor ? '$(warning) ' : ''}OMPQ: ${quality.text}, ${bits}`
      : `OMPQ: ${vscode.l10n.t('quality not measured')}, ${bits}`;
    this.item.tooltip = quality
      ? vscode.l10n.t('Measured of these bits against the float model. Click: bit map.')
      : vscode.l10n.t('Click: measure these bits.');
    this.item.command = {
      title: '',
      command: quality ? COMMAND.openBitMap : COMMAND.measure,
      arguments: [document.uri],
    };
    this.item.backgroundColor = quality?.isPoor
      ? new vscode.ThemeColor('statusBarItem.warningBackground')
      : undefined;
    this.item.show();
  }
}
