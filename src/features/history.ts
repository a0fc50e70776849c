/** Measurements of a model's bits, kept in the workspace's storage: they survive a reload and can be compared. */
import * as vscode from 'vscode';
import type { Evaluation } from '../config/measured';
import { DisposableStore } from './disposableStore';

/** The newest of each model; older ones go. */
const MOST = 50;

export interface Kept extends Evaluation {
  /** SHA-256 of the float model: what was measured of another file says nothing of this one. */
  sha256: string;
}

export class EvaluationHistory extends DisposableStore {
  private readonly changed = this.add(new vscode.EventEmitter<vscode.Uri>());
  /** Fires with the model. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly state: vscode.Memento) {
    super();
  }

  /** The newest first. */
  of(model: vscode.Uri, sha256: string): Evaluation[] {
    return this.all(model).filter((kept) => kept.sha256 === sha256);
  }

  /** One measurement in the same way of the same bits replaces the older one. */
  async keep(model: vscode.Uri, added: Kept): Promise<void> {
    const key = ({ bits, rounding, data, sha256 }: Kept): string =>
      JSON.stringify([bits, rounding, data, sha256]);
    const others = this.all(model).filter((kept) => key(kept) !== key(added));
    await this.state.update(keyOf(model), [added, ...others].slice(0, MOST));
    this.changed.fire(model);
  }

  private all(model: vscode.Uri): Kept[] {
    return this.state.get<Kept[]>(keyOf(model), []);
  }
}

function keyOf(model: vscode.Uri): string {
  return `evaluations:${model.toString()}`;
}
