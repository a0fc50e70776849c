/** The device that works or has worked, in the status bar; a click asks the doctor. */
import * as vscode from 'vscode';
import type { RequestOptions } from '../engine/client';
import { DisposableStore } from './disposableStore';
import { COMMAND } from './ids';
import { withProgress } from './progress';

export class DeviceStatus extends DisposableStore {
  private readonly item = this.add(
    vscode.window.createStatusBarItem('ompq.device', vscode.StatusBarAlignment.Right, 10),
  );

  constructor() {
    super();
    this.item.name = vscode.l10n.t('OMPQ device');
    this.item.command = COMMAND.doctor;
  }

  private running = 0;
  private device: string | null = null;

  /** A job with its notification; the item turns meanwhile; then the device is named again, if one has worked. */
  async working<T>(title: string, work: (options: RequestOptions) => Promise<T>): Promise<T> {
    this.running++;
    this.item.text = '$(loading~spin) OMPQ';
    this.item.tooltip = title;
    this.item.show();
    try {
      return await withProgress(title, work);
    } finally {
      this.running--;
      if (this.running === 0) {
        if (this.device === null) this.item.hide();
        else this.name(this.device);
      }
    }
  }

  /** Shown from the first job on. */
  show(device: string): void {
    this.device = device;
    if (this.running === 0) this.name(device);
  }

  private name(device: string): void {
    this.item.text = `$(chip) ${device.replaceAll('$(', '$ (')}`;
    this.item.tooltip = vscode.l10n.t('OMPQ ran on {0}. Click: what else this machine offers.', device);
    this.item.show();
  }
}
