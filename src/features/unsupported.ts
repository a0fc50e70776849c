/** What stays of the extension on a platform without native files: every command says so. */
import * as vscode from 'vscode';
import { COMMAND } from './ids';

export function registerUnsupported(context: vscode.ExtensionContext, why: string): void {
  const say = (): void => void vscode.window.showErrorMessage(why);
  for (const command of Object.values(COMMAND)) {
    context.subscriptions.push(vscode.commands.registerCommand(command, say));
  }
  say();
}
