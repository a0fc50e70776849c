/** The view of models in the activity bar, loaded when it is first seen. */
import * as vscode from 'vscode';
import { COMMAND, VIEW } from '../ids';
import { reported, type Services } from '../services';
import type { ModelTree, Node } from './tree';

/** How files are named that are dragged from the Explorer or from outside. */
const URI_LIST = 'text/uri-list';

/** Data that are dropped on a model, or on anything of it, calibrate it. */
const dropsOfData: vscode.TreeDragAndDropController<Node> = {
  dragMimeTypes: [],
  dropMimeTypes: [URI_LIST],
  handleDrop: async (target, dropped) => {
    const [data] = ((await dropped.get(URI_LIST)?.asString()) ?? '').split(/\r?\n/).filter(Boolean);
    if (!data) return;
    const model =
      target && (target.kind === 'model' ? target.uri : 'model' in target ? target.model : undefined);
    await vscode.commands.executeCommand(COMMAND.useAsCalibration, vscode.Uri.parse(data), model);
  },
};

export function registerExplorer({ subscriptions }: vscode.ExtensionContext, services: Services): void {
  const changed = new vscode.EventEmitter<Node | undefined>();
  let loading: Promise<ModelTree> | undefined;
  const load = async (): Promise<ModelTree> => {
    const tree = new (await import('./tree')).ModelTree(services, (node) => changed.fire(node));
    subscriptions.push(tree);
    return tree;
  };
  const tree = (): Promise<ModelTree> => (loading ??= load());
  const view = vscode.window.createTreeView<Node>(VIEW.models, {
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getChildren: async (node) => (await tree()).getChildren(node),
      getTreeItem: async (node) => (await tree()).getTreeItem(node),
    },
    canSelectMany: true,
    dragAndDropController: dropsOfData,
    showCollapseAll: true,
  });
  subscriptions.push(
    changed,
    view,
    vscode.commands.registerCommand(COMMAND.cancelJob, (node: Node) => {
      if (node.kind === 'job') node.job.cancel();
    }),
    vscode.commands.registerCommand(COMMAND.openReport, (name: string) => services.reports.open(name)),
    vscode.commands.registerCommand(COMMAND.compareRuns, (node?: Node, nodes?: Node[]) =>
      reported(services.log, async () => {
        const { compareNodes } = await import('./compare');
        await compareNodes(services, nodes ?? view.selection, node);
      }),
    ),
  );
}
