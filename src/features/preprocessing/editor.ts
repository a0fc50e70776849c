/** The page on which preprocessing is adjusted: what the model sees, and the float model's own answers. */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { FromEditor, PreviewShown, ToEditor } from '../../../webview/preprocessing/protocol';
import type { DataSpec, Preprocessing } from '../../calibration/inputs/spec';
import type { PreprocessingGuess } from '../../calibration/pictures/guess';
import { PRESETS } from '../../calibration/pictures/preprocessing';
import type { PreviewedChoice } from '../../engine/protocol';
import { pageHtml } from '../bitMap/page';
import { isCancelled, type Services } from '../services';
import { PRESET_LABELS, preprocessingLabel } from './presets';

const PICTURES = 3;

interface Start {
  guess: PreprocessingGuess | null;
  start: Preprocessing;
}

/** Resolves to what was chosen; undefined where the page was closed. */
export function editPreprocessing(
  services: Services,
  model: vscode.Uri,
  data: DataSpec,
  { guess, start }: Start,
): Promise<Preprocessing | undefined> {
  const { context, engine } = services;
  const dist = vscode.Uri.joinPath(context.extensionUri, 'dist');
  const panel = vscode.window.createWebviewPanel(
    'ompq.preprocessing',
    vscode.l10n.t('Image preprocessing of {0}', basename(model.path)),
    vscode.ViewColumn.Active,
    { enableScripts: true, localResourceRoots: [dist] },
  );
  const { webview } = panel;
  const post = (message: ToEditor): void =>
    void webview.postMessage(message).then(undefined, () => undefined);
  let running = new AbortController();

  /** The newest question wins. */
  async function run(choices: Preprocessing[] | undefined, isComparison: boolean): Promise<void> {
    running.abort();
    const { signal } = (running = new AbortController());
    try {
      const request = { kind: 'preview', model: model.fsPath, data, choices, pictures: PICTURES } as const;
      const reply = await engine.request(request, {
        signal,
        onProgress: ({ stage, fraction }) => post({ type: 'busy', text: stage, fraction }),
      });
      if (signal.aborted) return;
      post({ type: 'previewed', isComparison, choices: reply.choices.map(shown) });
    } catch (error) {
      if (signal.aborted || isCancelled(error)) return;
      post({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    }
  }

  return new Promise((resolve) => {
    const end = (chosen: Preprocessing | undefined): void => {
      resolve(chosen);
      panel.dispose();
    };
    const answer = (message: FromEditor): void => {
      switch (message.type) {
        case 'ready':
          return post({
            type: 'state',
            model: basename(model.path),
            folder: data.path ?? '',
            guess: guess && { ...guess, label: preprocessingLabel(guess.preprocessing) },
            start,
            presets: PRESET_LABELS.map((each) => ({ ...each, ...PRESETS[each.preset] })),
          });
        case 'preview':
          return void run([message.preprocessing], false);
        case 'compare':
          return void run(undefined, true);
        case 'use':
          return end(message.preprocessing);
        case 'cancel':
          return end(undefined);
      }
    };
    const listening = webview.onDidReceiveMessage(answer);
    // the panel's own event ends with it
    panel.onDidDispose(() => {
      running.abort();
      listening.dispose();
      resolve(undefined);
    });
    const resource = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(dist, name)).toString();
    webview.html = pageHtml({
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      script: resource('preprocessing.js'),
      style: resource('preprocessing.css'),
      worker: '',
      language: vscode.env.language,
      texts: vscode.l10n.bundle ?? {},
    });
  });
}

function shown({ pictures, ...choice }: PreviewedChoice): PreviewShown {
  return {
    ...choice,
    label: preprocessingLabel(choice.preprocessing),
    pictures: pictures.map(({ png, answers }) => ({
      source: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
      answers,
    })),
  };
}
