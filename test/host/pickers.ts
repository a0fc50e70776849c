import * as vscode from 'vscode';

export interface Asked {
  title: string;
  labels: string[];
  /** Label of the item that Enter would take. */
  active: string | undefined;
}

/** The lists that were shown while `work` ran; each is answered by `answer`: a label of the list, or undefined for Escape. */
export async function pickersDuring(
  work: () => Thenable<unknown>,
  answer: (asked: Asked) => string | undefined = () => undefined,
): Promise<Asked[]> {
  const all: Asked[] = [];
  const window = vscode.window as { createQuickPick: unknown };
  const original = window.createQuickPick;
  window.createQuickPick = () => {
    const accept = new vscode.EventEmitter<void>();
    const hide = new vscode.EventEmitter<void>();
    const button = new vscode.EventEmitter<vscode.QuickInputButton>();
    const picker = {
      title: '',
      items: [] as vscode.QuickPickItem[],
      activeItems: [] as vscode.QuickPickItem[],
      selectedItems: [] as vscode.QuickPickItem[],
      onDidAccept: accept.event,
      onDidHide: hide.event,
      onDidTriggerButton: button.event,
      show(): void {
        const labels = this.items.map(({ label }) => label);
        const asked = { title: this.title, labels, active: this.activeItems[0]?.label };
        all.push(asked);
        const wanted = answer(asked);
        if (wanted === 'BACK') return button.fire(vscode.QuickInputButtons.Back);
        if (wanted === undefined) return hide.fire();
        this.selectedItems = this.items.filter(({ label }) => label.includes(wanted));
        accept.fire();
      },
      hide: () => hide.fire(),
      dispose: () => undefined,
    };
    return picker;
  };
  try {
    await work();
  } finally {
    window.createQuickPick = original;
  }
  return all;
}
