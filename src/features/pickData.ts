/** Asking where calibration inputs come from: what the workspace offers first, then browse, then synthetic. */
import { stat } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import * as vscode from 'vscode';
import { findCalibrationData } from '../calibration/discover';
import type { Preprocessing } from '../calibration/inputs/spec';
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
  { services, model, last, words }: DataQuestion,
  take: (choice: DataChoice) => void,
): (() => Promise<Asked>)[] {
  let path: string | null = null;
  return [
    async () => {
      const picked = await pickPath(model, last, words);
      if (picked === undefined) return 'escaped';
      path = picked;
      take({ path, preprocessing: { preset: path === null ? 'unit' : 'raw' } });
      return 'answered';
    },
    async () => {
      if (path === null || !(await isFolder(path))) return 'skipped';
      const preprocessing = await pickPreprocessing(services, model, path, await lastOfPictures(last));
      if (!preprocessing) return 'escaped';
      take({ path, preprocessing });
      return 'answered';
    },
  ];
}

/** What was chosen for a file of arrays says nothing of pictures. */
async function lastOfPictures(last: DataChoice | undefined): Promise<Preprocessing | undefined> {
  const isOfPictures = typeof last?.path === 'string' && (await isFolder(last.path).catch(() => false));
  return isOfPictures ? last.preprocessing : undefined;
}

async function pickPath(
  model: vscode.Uri,
  last: DataChoice | undefined,
  words: { title: string; placeholder: string },
): Promise<string | null | undefined> {
  const root = vscode.workspace.getWorkspaceFolder(model)?.uri.fsPath ?? dirname(model.fsPath);
  const found = await findCalibrationData(root);
  const offered = found.map((candidate): DataItem => ({
    label: `$(${candidate.kind === 'images' ? 'file-media' : 'symbol-array'}) ${relative(root, candidate.path) || '.'}`,
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

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory();
}
