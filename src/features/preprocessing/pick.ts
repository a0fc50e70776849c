/** Asking how pictures become tensors: the guess with its reason first, the presets, and the editor that shows what the model sees. */
import * as vscode from 'vscode';
import type { DataSpec, Preprocessing } from '../../calibration/inputs/spec';
import type { PreprocessingGuess } from '../../calibration/pictures/guess';
import { pickOne } from '../pickOne';
import type { Services } from '../services';
import { editPreprocessing } from './editor';
import { PRESET_LABELS, preprocessingLabel } from './presets';

interface Item extends vscode.QuickPickItem {
  preprocessing: Preprocessing | 'edit';
}

/** @param last what was chosen the last time; undefined: the user pressed Escape */
export async function pickPreprocessing(
  services: Services,
  model: vscode.Uri,
  path: string,
  last: Preprocessing | undefined,
): Promise<Preprocessing | undefined> {
  const data: DataSpec = { path, samples: 8, seed: 0, shapes: {}, preprocessing: { preset: 'unit' } };
  const guess = await guessOf(services, model, data);
  const likely = last ?? guess?.preprocessing ?? { preset: 'imagenet' };
  const isPlain = (one: Preprocessing): boolean => Object.keys(one).length === 1;
  const offered: Item[] = PRESET_LABELS.map(({ preset, label, description }) => ({
    label,
    description,
    preprocessing: { preset },
  }));
  for (const own of [guess?.preprocessing, last]) {
    if (!own || isPlain(own) || offered.some((item) => same(item.preprocessing, own))) continue;
    offered.unshift({ label: preprocessingLabel(own), preprocessing: own });
  }
  const guessed = guess && offered.find((item) => same(item.preprocessing, guess.preprocessing));
  if (guess && guessed) {
    const words = guess.isSure
      ? vscode.l10n.t('Found: {0}', guess.reason)
      : vscode.l10n.t('A guess: {0}', guess.reason);
    offered.splice(offered.indexOf(guessed), 1);
    offered.unshift(Object.assign(guessed, { detail: `$(lightbulb) ${words}` }));
  }
  const edit: Item = {
    label: `$(eye) ${vscode.l10n.t('Adjust, and see what the model sees...')}`,
    description: vscode.l10n.t('mean, std, layout, RGB or BGR, resize, with the answers on three pictures'),
    preprocessing: 'edit',
  };
  const item = await pickOne([...offered, edit], {
    title: vscode.l10n.t('Image preprocessing'),
    placeholder: vscode.l10n.t('The preprocessing that the model was trained with'),
    canGoBack: true,
    active: offered.find((each) => same(each.preprocessing, likely)),
  });
  if (item?.preprocessing !== 'edit') return item?.preprocessing;
  return editPreprocessing(services, model, data, { guess, start: likely });
}

/** What cannot be guessed stands in no one's way. */
async function guessOf(
  { models, log }: Services,
  model: vscode.Uri,
  data: DataSpec,
): Promise<PreprocessingGuess | null> {
  try {
    return (await models.preview({ model: model.fsPath, data, choices: [], pictures: 0 })).guess;
  } catch (error) {
    log.info(`No guess of the preprocessing: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function same(a: Preprocessing | 'edit', b: Preprocessing): boolean {
  return a !== 'edit' && JSON.stringify(a) === JSON.stringify(b);
}
