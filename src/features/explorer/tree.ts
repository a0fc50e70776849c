/** The view of its own: running jobs, then the workspace's models with their configs, quantized files and runs. */
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { formatSize, formatAverage } from '../../common/sizes';
import { CONFIG_SUFFIX, parseConfig } from '../../config/config';
import { isExport, modelPathOf } from '../../config/paths';
import type { Config } from '../../config/types';
import { judgement } from '../announce';
import { DisposableStore } from '../disposableStore';
import { COMMAND, VIEW } from '../ids';
import type { Run } from '../history';
import type { Job } from '../jobs';
import { describe, nameOf } from '../runs';
import type { Services } from '../services';

export type Node =
  | { kind: 'job'; job: Job }
  | { kind: 'model'; uri: vscode.Uri }
  | { kind: 'config'; uri: vscode.Uri; model: vscode.Uri; config: Config }
  | { kind: 'export'; uri: vscode.Uri }
  | { kind: 'run'; model: vscode.Uri; run: Run };

const MOST_MODELS = 500;
const SKIPPED = '**/node_modules/**';

export class ModelTree extends DisposableStore {
  /** The same node for the same job, so that its row alone is drawn again. */
  private readonly jobNodes = new WeakMap<Job, Node>();

  /** @param changed this row is to be drawn again; undefined: all of them */
  constructor(
    private readonly services: Services,
    changed: (node: Node | undefined) => void,
  ) {
    super();
    const refresh = (): void => changed(undefined);
    const watcher = this.add(vscode.workspace.createFileSystemWatcher(`**/*{.onnx,${CONFIG_SUFFIX}}`));
    for (const event of [watcher.onDidCreate, watcher.onDidChange, watcher.onDidDelete]) {
      this.add(event(refresh));
    }
    this.add(services.history.onDidChange(refresh));
    this.add(services.jobs.onDidChange((job) => changed(job && this.jobNodes.get(job))));
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) return [...this.jobs(), ...(await this.models())];
    return node.kind === 'model' ? this.childrenOf(node.uri) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'job':
        return jobItem(node.job);
      case 'model':
        return modelItem(node.uri);
      case 'config':
        return this.configItem(node);
      case 'export':
        return exportItem(node.uri);
      case 'run':
        return runItem(node.run);
    }
  }

  private jobs(): Node[] {
    return this.services.jobs.list().map((job) => {
      const node: Node = this.jobNodes.get(job) ?? { kind: 'job', job };
      this.jobNodes.set(job, node);
      return node;
    });
  }

  private async models(): Promise<Node[]> {
    const found = await vscode.workspace.findFiles('**/*.onnx', SKIPPED, MOST_MODELS);
    return found
      .filter((uri) => uri.scheme === 'file' && !isExport(uri.path))
      .sort((a, b) => a.path.localeCompare(b.path))
      .map((uri) => ({ kind: 'model', uri }));
  }

  private async childrenOf(model: vscode.Uri): Promise<Node[]> {
    const folder = vscode.Uri.file(dirname(model.fsPath));
    const beside = (pattern: string): Thenable<vscode.Uri[]> =>
      vscode.workspace.findFiles(new vscode.RelativePattern(folder, pattern));
    const configs = await Promise.all(
      (await beside(`*${CONFIG_SUFFIX}`)).map((uri) => configNode(uri, model)),
    );
    const base = basename(model.path).replace(/\.onnx$/i, '');
    const runs = this.services.history.runs(model);
    const files = (await beside('*.onnx')).filter(
      ({ path, fsPath }) =>
        (isExport(path) && basename(path).startsWith(`${base}.quantized`)) ||
        runs.some(({ file }) => file === fsPath),
    );
    return [
      ...configs.flatMap((node) => node ?? []),
      ...files.map((uri): Node => ({ kind: 'export', uri })),
      ...runs.map((run): Node => ({ kind: 'run', model, run })),
    ];
  }

  private configItem({ uri, model, config }: Extract<Node, { kind: 'config' }>): vscode.TreeItem {
    const item = fileItem(uri, 'config');
    const quality = judgement(config, this.services.history.of(model, config.model.sha256));
    item.description = [
      vscode.l10n.t('{0} bits', formatAverage(config.totals.averageBits)),
      formatSize(config.totals.bytes),
      quality?.text ?? vscode.l10n.t('quality not measured'),
    ].join(' · ');
    item.tooltip = item.description;
    item.iconPath = new vscode.ThemeIcon(quality?.isPoor ? 'warning' : 'json');
    item.command = { title: '', command: 'vscode.open', arguments: [uri] };
    return item;
  }
}

async function configNode(uri: vscode.Uri, model: vscode.Uri): Promise<Node | null> {
  try {
    const config = parseConfig(await readFile(uri.fsPath, 'utf8'), uri.fsPath);
    return modelPathOf(config, uri.fsPath) === model.fsPath ? { kind: 'config', uri, model, config } : null;
  } catch {
    // what cannot be read is told where it is opened
    return null;
  }
}

function fileItem(uri: vscode.Uri, context: string, state = vscode.TreeItemCollapsibleState.None) {
  const item = new vscode.TreeItem(basename(uri.path), state);
  item.resourceUri = uri;
  item.contextValue = context;
  return item;
}

function modelItem(uri: vscode.Uri): vscode.TreeItem {
  const item = fileItem(uri, 'model', vscode.TreeItemCollapsibleState.Collapsed);
  const folder = dirname(vscode.workspace.asRelativePath(uri));
  if (folder !== '.') item.description = folder;
  item.iconPath = new vscode.ThemeIcon('symbol-ruler');
  item.command = { title: '', command: 'vscode.openWith', arguments: [uri, VIEW.model] };
  return item;
}

function exportItem(uri: vscode.Uri): vscode.TreeItem {
  const item = fileItem(uri, 'export');
  item.description = vscode.l10n.t('quantized');
  item.iconPath = new vscode.ThemeIcon('file-binary');
  item.command = { title: '', command: 'vscode.openWith', arguments: [uri, VIEW.model] };
  return item;
}

function runItem(run: Run): vscode.TreeItem {
  const item = new vscode.TreeItem(nameOf(run));
  item.description = describe(run);
  item.tooltip = `${nameOf(run)}\n${item.description}\n${run.samples}: ${run.data}`;
  item.contextValue = 'run';
  item.iconPath = new vscode.ThemeIcon(run.kind === 'export' ? 'export' : 'beaker');
  if (run.report) item.command = { title: '', command: COMMAND.openReport, arguments: [run.report] };
  return item;
}

function jobItem({ title, state, stage, fraction }: Job): vscode.TreeItem {
  const item = new vscode.TreeItem(title);
  item.contextValue = 'job';
  item.iconPath = new vscode.ThemeIcon(state === 'running' ? 'loading~spin' : 'clock');
  item.description =
    state === 'queued' ? vscode.l10n.t('waiting') : `${stage} (${Math.round(100 * fraction)} %)`;
  return item;
}
