/** The view of models in the activity bar, loaded when it is first seen. */
import * as vscode from 'vscode';
import { COMMAND, VIEW } from '../ids';
import { reported, type Services } from '../services';
import type { ModelTree, Node } from './tree';

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
