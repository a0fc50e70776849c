/** The configs of the workspace with the layers of their networks, kept up to date. */
import * as vscode from 'vscode';
import { CONFIG_SUFFIX } from '../../config/config';
import { modelPathOf } from '../../config/paths';
import { isConfigDocument, parseDocument } from '../configEditor/documents';
import { DisposableStore } from '../disposableStore';
import type { Services } from '../services';
import type { ConfiguredNetwork } from './lines';

const PATTERN = `**/*${CONFIG_SUFFIX}`;
const MOST_CONFIGS = 50;

export class Configs extends DisposableStore {
  private readonly changed = this.add(new vscode.EventEmitter<void>());
  readonly onDidChange = this.changed.event;
  private known: Promise<ConfiguredNetwork[]> | null = null;

  constructor(private readonly services: Services) {
    super();
    const watcher = this.add(vscode.workspace.createFileSystemWatcher(PATTERN));
    const refresh = (): void => {
      this.known = null;
      this.changed.fire();
    };
    this.add(watcher.onDidChange(refresh));
    this.add(watcher.onDidCreate(refresh));
    this.add(watcher.onDidDelete(refresh));
    this.add(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (isConfigDocument(document)) refresh();
      }),
    );
  }

  networks(): Promise<ConfiguredNetwork[]> {
    this.known ??= this.read();
    return this.known;
  }

  private async read(): Promise<ConfiguredNetwork[]> {
    const files = await vscode.workspace.findFiles(PATTERN, '**/node_modules/**', MOST_CONFIGS);
    const networks = await Promise.all(files.map((file) => this.network(file)));
    return networks.flatMap((network) => network ?? []);
  }

  /** null: not valid at the moment, or its model is not there; the config's own diagnostics say so. */
  private async network(file: vscode.Uri): Promise<ConfiguredNetwork | null> {
    const { config } = parseDocument(await vscode.workspace.openTextDocument(file));
    if (!config) return null;
    try {
      const { network } = await this.services.models.inspect(
        modelPathOf(config, file.fsPath),
        config.scoring.granularity,
        config.calibration,
      );
      const byName = new Map(config.functions.map((f) => [f.name, f]));
      const layers = network.functions.flatMap(({ name, layers: own }) => {
        const f = byName.get(name);
        return f ? own.map(({ node, weight }) => ({ node, weight, function: f })) : [];
      });
      return { config: file.fsPath, layers };
    } catch (error) {
      this.services.log.debug(`${file.fsPath}: ${String(error)}`);
      return null;
    }
  }
}
