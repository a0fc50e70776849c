/** The device that works or has worked, in the status bar; a click asks the doctor. */
import * as vscode from 'vscode';
import { COMMAND } from './ids';
import { Owner } from './owner';

export class DeviceStatus extends Owner {
  private readonly item = this.own(
    vscode.window.createStatusBarItem('ompq.device', vscode.StatusBarAlignment.Right, 10),
  );

  constructor() {
    super();
    this.item.name = vscode.l10n.t('OMPQ device');
    this.item.command = COMMAND.doctor;
  }

  /** Shown from the first job on. */
  show(device: string): void {
    this.item.text = `$(chip) ${device.replaceAll('$(', '$ (')}`;
    this.item.tooltip = vscode.l10n.t('OMPQ ran on {0}. Click: what else this machine offers.', device);
    this.item.show();
  }
}
