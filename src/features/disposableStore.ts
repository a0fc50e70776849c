import type * as vscode from 'vscode';

/** Every disposable has an owner, which takes it along when it goes. */
export abstract class DisposableStore implements vscode.Disposable {
  private readonly owned: vscode.Disposable[] = [];

  protected add<T extends vscode.Disposable>(disposable: T): T {
    this.owned.push(disposable);
    return disposable;
  }

  dispose(): void {
    for (const disposable of this.owned.splice(0).reverse()) disposable.dispose();
  }
}
