import * as vscode from 'vscode';
import { WentBack } from './wizard';

export interface PickOptions<T> {
  title: string;
  placeholder: string;
  /** The item that Enter takes at once. */
  active?: T;
  /** There is a question before this one. */
  canGoBack?: boolean;
}

/** One item of a list; undefined: the user pressed Escape. Separators cannot be chosen. @throws WentBack */
export function pickOne<T extends vscode.QuickPickItem>(
  items: readonly (T | vscode.QuickPickItem)[],
  { title, placeholder, active, canGoBack }: PickOptions<T>,
): Promise<T | undefined> {
  const picker = vscode.window.createQuickPick<T | vscode.QuickPickItem>();
  Object.assign(picker, { title, placeholder, items, matchOnDescription: true, ignoreFocusOut: true });
  if (canGoBack) picker.buttons = [vscode.QuickInputButtons.Back];
  if (active) picker.activeItems = [active];
  return new Promise((resolve, reject) => {
    picker.onDidAccept(() => {
      resolve(picker.selectedItems[0] as T | undefined);
      picker.hide();
    });
    picker.onDidTriggerButton(() => {
      reject(new WentBack());
      picker.hide();
    });
    picker.onDidHide(() => {
      resolve(undefined);
      picker.dispose();
    });
    picker.show();
  });
}

export const separator: vscode.QuickPickItem = { label: '', kind: vscode.QuickPickItemKind.Separator };
