/** Asking where calibration inputs come from: what the workspace offers first, then browse, then synthetic. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import * as vscode from 'vscode';
import { type DataCandidate, findCalibrationData } from '../calibration/discover';
import { holdsPictures } from '../calibration/open';
import type { Preprocessing } from '../calibration/inputs/spec';
import { isUnder } from '../common/isUnder';
import { takesPictures } from '../calibration/pictures/preprocessing';
import { pickOne, separator } from './pickOne';
import { pickPreprocessing } from './preprocessing/pick';
import type { Services } from './services';
import { type Asked, askInTurn } from './wizard';

export interface DataChoice {
  /** Absolute path; null: synthetic. */
  path: string | null;
  preprocessing: Preprocessing;
}

interface DataItem extends vscode.QuickPickItem {
  choose(): Promise<string | null | undefined>;
}

interface DataQuestion {
  services: Services;
  model: vscode.Uri;
  /** Absolute path, where it need not be asked for: only how its pictures are prepared is. */
  path?: string;
  last: DataChoice | undefined;
  words: { title: string; placeholder: string };
}

/** undefined: the user pressed Escape. */
export async function pickData(question: DataQuestion): Promise<DataChoice | undefined> {
  let choice: DataChoice | undefined;
  const isAnswered = await askInTurn(dataSteps(question, (found) => (choice = found)));
  return isAnswered ? choice : undefined;
}

/** The questions about data, each a step of its own. @param take hears the answer, as far as it is known */
export function dataSteps(
  { services, model, path: given, last, words }: DataQuestion,
  take: (choice: DataChoice) => void,
): (() => Promise<Asked>)[] {
  let path: string | null = given ?? null;
  if (given !== undefined) take({ path: given, preprocessing: { preset: 'raw' } });
  return [
    async () => {
      if (given !== undefined) return 'skipped';
      const picked = await pickPath(services, model, last, words);
      if (picked === undefined) return 'escaped';
      path = picked;
      take({ path, preprocessing: { preset: path === null ? 'unit' : 'raw' } });
      return 'answered';
    },
    async () => {
      if (path === null || !(await holdsPictures(path))) return 'skipped';
      const preprocessing = await pickPreprocessing(services, model, path, await lastOfPictures(last));
      if (!preprocessing) return 'escaped';
      take({ path, preprocessing });
      return 'answered';
    },
  ];
}

/** What was chosen for a file of arrays says nothing of pictures. */
async function lastOfPictures(last: DataChoice | undefined): Promise<Preprocessing | undefined> {
  const isOfPictures = typeof last?.path === 'string' && (await holdsPictures(last.path));
  return isOfPictures ? last.preprocessing : undefined;
}

async function pickPath(
  { models }: Services,
  model: vscode.Uri,
  last: DataChoice | undefined,
  words: { title: string; placeholder: string },
): Promise<string | null | undefined> {
  const roots = rootsAround(model);
  const [root] = roots;
  const { network } = await models.inspect(model.fsPath);
  const found = await findIn(roots, takesPictures(network.inputs));
  const nameOf = (path: string): string => {
    const own = roots.find((each) => isUnder(each, path)) ?? root;
    return (own === root ? relative(root, path) : join(basename(own), relative(own, path))) || '.';
  };
  const offered = found.map((candidate): DataItem => ({
    label: `$(${candidate.kind === 'images' ? 'file-media' : 'symbol-array'}) ${nameOf(candidate.path)}`,
    description: candidate.description,
    choose: () => Promise.resolve(candidate.path),
  }));
  const isOffered = found.some((candidate) => candidate.path === last?.path);
  const browsed = last?.path;
  if (browsed && !isOffered && (await exists(browsed))) {
    const label = `$(history) ${relative(root, browsed)}`;
    const description = vscode.l10n.t('as the last time');
    offered.unshift({ label, description, choose: () => Promise.resolve(browsed) });
  }
  const others: DataItem[] = [
    {
      label: `$(folder-opened) ${vscode.l10n.t('Browse for a folder...')}`,
      description: vscode.l10n.t('images, or test_data_set_*'),
      choose: () => browse(root, true),
    },
    {
      label: `$(file) ${vscode.l10n.t('Browse for a file...')}`,
      description: '.npy, .npz',
      choose: () => browse(root, false),
    },
    {
      label: `$(warning) ${vscode.l10n.t('No data: synthetic input')}`,
      description: vscode.l10n.t('for a first look only; the scores say little about real data'),
      choose: () => Promise.resolve(null),
    },
  ];
  const item = await pickOne([...offered, separator, ...others], {
    ...words,
    active:
      offered[
        browsed && offered.length > found.length ? 0 : found.findIndex(({ path }) => path === last?.path)
      ],
  });
  return item?.choose();
}

/** The folder of the workspace that the model lies in, then the others; its own folder where it lies in none. */
function rootsAround(model: vscode.Uri): string[] {
  const own = vscode.workspace.getWorkspaceFolder(model)?.uri.fsPath ?? dirname(model.fsPath);
  const all = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  return [...new Set([own, ...all.map(({ uri }) => uri.fsPath)])];
}

/** Those of the first root first; a root inside another one offers nothing twice. */
async function findIn(roots: readonly string[], pictures: boolean): Promise<DataCandidate[]> {
  const found = (await Promise.all(roots.map((root) => findCalibrationData(root, { pictures })))).flat();
  return found.filter(({ path }, at) => found.findIndex((other) => other.path === path) === at);
}

async function browse(root: string, folders: boolean): Promise<string | undefined> {
  const picked = await vscode.window.showOpenDialog({
    defaultUri: vscode.Uri.file(root),
    canSelectFolders: folders,
    canSelectFiles: !folders,
    openLabel: vscode.l10n.t('Use for calibration'),
    filters: folders ? undefined : { NumPy: ['npy', 'npz'] },
  });
  return picked?.[0]?.fsPath;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
