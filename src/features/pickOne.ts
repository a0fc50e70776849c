import * as vscode from 'vscode';

export interface PickOptions<T> {
  title: string;
  placeholder: string;
  /** The item that Enter takes at once. */
  active?: T;
}

/** One item of a list; undefined: the user pressed Escape. Separators cannot be chosen. */
export function pickOne<T extends vscode.QuickPickItem>(
  items: readonly (T | vscode.QuickPickItem)[],
  { title, placeholder, active }: PickOptions<T>,
): Promise<T | undefined> {
  const picker = vscode.window.createQuickPick<T | vscode.QuickPickItem>();
  Object.assign(picker, { title, placeholder, items, matchOnDescription: true, ignoreFocusOut: true });
  if (active) picker.activeItems = [active];
  return new Promise((resolve) => {
    picker.onDidAccept(() => {
      resolve(picker.selectedItems[0] as T | undefined);
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
