/** Two runs of the tree side by side. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { Reports } from '../reports';
import { comparison } from '../runs';
import type { Services } from '../services';
import type { Node } from './tree';

/** Two selected runs of one model; one alone is compared with the run before it. */
export async function compareNodes(
  { history, models, reports }: Services,
  selected: readonly Node[],
  clicked?: Node,
): Promise<void> {
  const nodes = selected.length > 1 || !clicked ? selected : [clicked];
  const chosen = nodes.flatMap((node) => (node.kind === 'run' ? node : []));
  const [first] = chosen;
  const isOneModel = chosen.every(({ model }) => model.toString() === first.model.toString());
  const before = first && history.runs(first.model).find(({ date }) => date < first.run.date);
  const second = chosen[1]?.run ?? before;
  if (!first || !second || chosen.length > 2 || !isOneModel)
    throw new Error(vscode.l10n.t('Select two runs of one model.'));
  const { network } = await models.inspect(first.model.fsPath);
  const names = network.functions.map((f) => f.name);
  const [older, newer] = [first.run, second].sort((a, b) => (a.date < b.date ? -1 : 1));
  const name = Reports.nameFor(`${basename(first.model.fsPath)}-compared`);
  await reports.show(name, comparison(older, newer, names));
}
