/** Questions one after another, with a way back: a step that is skipped on the way there is skipped on the way back. */
import * as vscode from 'vscode';

/** Thrown by a question where the user wants the one before; before the first one there is none, and that is all. */
export class WentBack extends vscode.CancellationError {}

/** What became of a question: answered, left with Escape, or not asked at all. */
export type Asked = 'answered' | 'escaped' | 'skipped';

/** @returns false where the user pressed Escape @throws WentBack from the first question that was asked */
export async function askInTurn(steps: readonly (() => Promise<Asked>)[]): Promise<boolean> {
  let way = 1;
  for (let i = 0; i < steps.length; i += way) {
    if (i < 0) throw new WentBack();
    try {
      const asked = await steps[i]();
      if (asked === 'escaped') return false;
      if (asked === 'answered') way = 1;
    } catch (error) {
      if (!(error instanceof WentBack)) throw error;
      way = -1;
    }
  }
  return true;
}

export interface TextOptions {
  title: string;
  prompt: string;
  value?: string;
  /** What is wrong with a value; undefined: nothing. */
  validate: (value: string) => string | undefined;
}

/** A line of text, with a button that goes back. undefined: Escape. @throws WentBack */
export function askText({ title, prompt, value = '', validate }: TextOptions): Promise<string | undefined> {
  const box = vscode.window.createInputBox();
  Object.assign(box, {
    title,
    prompt,
    value,
    ignoreFocusOut: true,
    buttons: [vscode.QuickInputButtons.Back],
  });
  return new Promise((resolve, reject) => {
    box.onDidChangeValue((text) => (box.validationMessage = validate(text)));
    box.onDidAccept(() => {
      box.validationMessage = validate(box.value);
      if (box.validationMessage !== undefined) return;
      resolve(box.value);
      box.hide();
    });
    box.onDidTriggerButton(() => {
      reject(new WentBack());
      box.hide();
    });
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}
