/** CodeLens of a config: what can be done with the whole on top, what with one function on its line. */
import * as vscode from 'vscode';
import { formatSize, formatAverage } from '../../common/sizes';
import { budgetUse, formatBudget } from '../../config/budget';
import type { Config } from '../../config/types';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../ids';
import { DisposableStore } from '../disposableStore';
import type { QualityOf } from './qualityStatus';
import { isConfigDocument, parseDocument, rangeOf } from './documents';

export class ConfigLenses extends DisposableStore implements vscode.CodeLensProvider {
  private readonly changed = this.add(new vscode.EventEmitter<void>());
  readonly onDidChangeCodeLenses = this.changed.event;
  /** Line of the cursor in a config; -1: elsewhere. */
  private line = -1;

  constructor(
    private readonly qualityOf: QualityOf,
    onDidMeasure: vscode.Event<unknown>,
  ) {
    super();
    this.add(onDidMeasure(() => this.changed.fire()));
    this.add(
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        if (!isConfigDocument(textEditor.document) || selections[0].active.line === this.line) return;
        this.line = selections[0].active.line;
        this.changed.fire();
      }),
    );
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!isConfigDocument(document)) return [];
    const { config, located } = parseDocument(document);
    if (!config || !located) return [];
    const top = rangeOf(document, located.top);
    const byName = new Map(config.functions.map((f) => [f.name, f]));
    const lens = (range: vscode.Range, title: string, command: string, ...args: unknown[]): vscode.CodeLens =>
      new vscode.CodeLens(range, { title, command, arguments: [document.uri, ...args] });
    const isWanted = wantedLines(document);
    return [
      this.qualityLens(top, document, config),
      new vscode.CodeLens(top, { ...budgetLine(config), command: '' }),
      lens(top, vscode.l10n.t('Solve again'), COMMAND.resolve),
      lens(top, vscode.l10n.t('Bit map'), COMMAND.openBitMap),
      lens(top, vscode.l10n.t('Export'), COMMAND.export),
      lens(top, vscode.l10n.t('Evaluate'), COMMAND.evaluate),
      ...located.functions.flatMap((f) => {
        const range = rangeOf(document, f.span);
        if (!f.bits || !isWanted(range)) return [];
        const entry = byName.get(f.name);
        return [
          lens(range, vscode.l10n.t('{0} bit: change...', f.bits.value), COMMAND.changeBits, f.name),
          // the line ends, where the annotations are, lie outside a narrow editor
          ...(entry ? [new vscode.CodeLens(range, { title: share(entry, config), command: '' })] : []),
          f.lock
            ? lens(range, `$(lock) ${vscode.l10n.t('unlock')}`, COMMAND.toggleLock, f.name)
            : lens(range, `$(unlock) ${vscode.l10n.t('lock')}`, COMMAND.toggleLock, f.name),
          lens(range, vscode.l10n.t('Reveal in bit map'), COMMAND.openBitMap, f.name),
        ];
      }),
    ];
  }

  /** The first thing to know of a config: what its bits do to the answers. */
  private qualityLens(range: vscode.Range, document: vscode.TextDocument, config: Config): vscode.CodeLens {
    const quality = this.qualityOf(document, config);
    if (!quality) {
      const title = vscode.l10n.t('Quality not measured: measure');
      return new vscode.CodeLens(range, { title, command: COMMAND.measure, arguments: [document.uri] });
    }
    const title = quality.isPoor ? `$(warning) ${quality.text}` : quality.text;
    return new vscode.CodeLens(range, { title, command: '' });
  }
}

/** Which functions get lenses: by the setting all of them, else the one that the cursor is on. */
function wantedLines(document: vscode.TextDocument): (range: vscode.Range) => boolean {
  const setting = vscode.workspace.getConfiguration(SETTINGS_SECTION, document.uri).get(SETTING.lenses);
  if (setting === 'all') return () => true;
  const editor = vscode.window.activeTextEditor;
  const line = editor?.document === document ? editor.selection.active.line : -1;
  return ({ start, end }) => start.line <= line && line <= end.line;
}

function share({ bytes, gamma }: Config['functions'][number], { totals }: Config): string {
  const percent = ((100 * bytes) / Math.max(1, totals.bytes)).toFixed(1);
  return vscode.l10n.t('{0} %, gamma {1}', percent, gamma.toFixed(1));
}

/** How far from the budget the config stands; short, as it has half a window beside an open bit map. */
function budgetLine({ totals, allocation }: Config): { title: string; tooltip: string } {
  const percent = 100 * budgetUse(allocation.budget, totals, totals.budgetBytes);
  const title =
    percent <= 100
      ? vscode.l10n.t('{0} % of budget', percent.toFixed(1))
      : `$(warning) ${vscode.l10n.t('{0} % over budget', (percent - 100).toFixed(1))}`;
  const tooltip = vscode.l10n.t(
    '{0}, {1} bits on average; the budget is {2}',
    formatSize(totals.bytes),
    formatAverage(totals.averageBits),
    formatBudget(allocation.budget),
  );
  return { title, tooltip };
}
