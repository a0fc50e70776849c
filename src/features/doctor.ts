/** "OMPQ: Doctor": what this machine offers, in the log and on the screen. */
import * as vscode from 'vscode';
import { doctorLines } from '../doctor';
import type { DoctorReply } from '../engine/protocol';
import { withProgress } from './progress';
import type { Services } from './services';

export async function doctor({ context, engine, log }: Services): Promise<DoctorReply> {
  const { version } = context.extension.packageJSON as { version: string };
  const reply = await withProgress(vscode.l10n.t('Looking at this machine'), (options) =>
    engine.request({ kind: 'doctor' }, options),
  );
  const where = vscode.env.remoteName ? ` (${vscode.env.remoteName})` : '';
  const lines = doctorLines(reply, { OMPQ: version, 'VS Code': `${vscode.version}${where}` });
  const content = lines.join('\n');
  log.info(`Doctor:\n${content}`);
  const document = await vscode.workspace.openTextDocument({ language: 'plaintext', content });
  await vscode.window.showTextDocument(document, { preview: true });
  return reply;
}
