/** Quick fixes for the problems of a config. */
import * as vscode from 'vscode';
import { editedFunctions } from '../../config/edit';
import { COMMAND } from '../ids';
import { PROBLEM } from './problems';
import { parseDocument } from './documents';

export class Fixes implements vscode.CodeActionProvider {
  static readonly kinds = [vscode.CodeActionKind.QuickFix];

  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    return diagnostics
      .filter((diagnostic) => diagnostic.source === 'OMPQ')
      .flatMap((diagnostic) =>
        fixes(document, diagnostic).map((action) => withDiagnostic(action, diagnostic)),
      );
  }
}

function fixes(document: vscode.TextDocument, { code, range }: vscode.Diagnostic): vscode.CodeAction[] {
  const resolve = command(vscode.l10n.t('Solve again within the budget'), COMMAND.resolve, document.uri);
  const update = command(vscode.l10n.t('Recompute totals'), COMMAND.updateTotals, document.uri);
  const { config } = parseDocument(document);
  const takeBack =
    config && editedFunctions(config).length > 0
      ? [command(vscode.l10n.t('Revert manual bit changes'), COMMAND.takeBackBits, document.uri)]
      : [];
  switch (code) {
    case PROBLEM.unknownFunction:
      return [removal(document, range)];
    case PROBLEM.widthNotAllowed:
      return [...widthFixes(document, range), resolve];
    case PROBLEM.overBudget:
      return [resolve, ...takeBack, update];
    case PROBLEM.overLimit:
      return [resolve, ...takeBack];
    case PROBLEM.staleTotals:
      return [update, resolve, ...takeBack];
    case PROBLEM.modelChanged:
    case PROBLEM.modelMissing:
      return [command(vscode.l10n.t('Quantize again'), COMMAND.quantizeConfig, document.uri)];
    default:
      return [];
  }
}

/** Lock the width as it is, or take the nearest one that is allowed. */
function widthFixes(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
  const { config, located } = parseDocument(document);
  const offset = document.offsetAt(range.start);
  const place = located?.functions.find((f) => f.bits?.span.offset === offset);
  if (!config || !place?.bits) return [];
  const { value } = place.bits;
  const nearest = [...config.allocation.widths].sort((a, b) => Math.abs(a - value) - Math.abs(b - value))[0];
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, range, String(nearest));
  const change = new vscode.CodeAction(
    vscode.l10n.t('Use {0} bits', nearest),
    vscode.CodeActionKind.QuickFix,
  );
  change.edit = edit;
  change.isPreferred = true;
  return [
    change,
    command(vscode.l10n.t('Lock at {0} bits', value), COMMAND.toggleLock, document.uri, place.name),
  ];
}

/** The whole line, with the comma that would otherwise be left over. */
function removal(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction {
  const action = new vscode.CodeAction(vscode.l10n.t('Remove this function'), vscode.CodeActionKind.QuickFix);
  action.edit = new vscode.WorkspaceEdit();
  const line = document.lineAt(range.start.line);
  const before = line.lineNumber > 0 ? document.lineAt(line.lineNumber - 1) : undefined;
  if (!line.text.trimEnd().endsWith(',') && before?.text.trimEnd().endsWith(',')) {
    const comma = before.text.lastIndexOf(',');
    action.edit.delete(
      document.uri,
      new vscode.Range(before.lineNumber, comma, line.lineNumber, line.text.length),
    );
  } else {
    action.edit.delete(document.uri, line.rangeIncludingLineBreak);
  }
  return action;
}

function command(title: string, id: string, ...args: unknown[]): vscode.CodeAction {
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.command = { title, command: id, arguments: args };
  return action;
}

function withDiagnostic(action: vscode.CodeAction, diagnostic: vscode.Diagnostic): vscode.CodeAction {
  action.diagnostics = [diagnostic];
  return action;
}
