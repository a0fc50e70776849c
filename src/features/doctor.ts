/** "OMPQ: Doctor": what this machine offers, in the log and on the screen. */
import * as vscode from 'vscode';
import { doctorLines } from '../doctor';
import { COMMAND } from './ids';
import { withProgress } from './progress';
import { reported, type Services } from './services';

export function registerDoctor(context: vscode.ExtensionContext, services: Services): void {
  const { version } = context.extension.packageJSON as { version: string };
  context.subscriptions.push(
    vscode.commands.registerCommand(COMMAND.doctor, () =>
      reported(services.log, async () => {
        const reply = await withProgress(vscode.l10n.t('Looking at this machine'), (options) =>
          services.engine.request({ kind: 'doctor' }, options),
        );
        const where = vscode.env.remoteName ? ` (${vscode.env.remoteName})` : '';
        const lines = doctorLines(reply, { OMPQ: version, 'VS Code': `${vscode.version}${where}` });
        const content = lines.join('\n');
        services.log.info(`Doctor:\n${content}`);
        const document = await vscode.workspace.openTextDocument({ language: 'plaintext', content });
        await vscode.window.showTextDocument(document, { preview: true });
        return reply;
      }),
    ),
  );
}
