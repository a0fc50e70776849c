/** What was measured of a model's bits, kept in the workspace's storage: it survives a reload and can be compared. */
import * as vscode from 'vscode';
import type { Evaluation } from '../config/measured';
import { DisposableStore } from './disposableStore';

/** The newest of each model; older ones go. */
const MOST = 50;

export interface Run extends Evaluation {
  /** SHA-256 of the float model: what was measured of another file says nothing of this one. */
  sha256: string;
  /** What it came of: bits that were measured, a file that was exported, or one that was evaluated. */
  kind: 'measure' | 'export' | 'evaluate';
  /** Name of the config. */
  config: string;
  /** Absolute path of the quantized model, where one was kept. */
  file?: string;
  /** Of the activations; absent: floats. */
  activationBits?: number;
  /** Its report, as `Reports` knows it. */
  report?: string;
}

export class RunHistory extends DisposableStore {
  private readonly changed = this.add(new vscode.EventEmitter<vscode.Uri>());
  /** Fires with the model. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly state: vscode.Memento) {
    super();
  }

  /** What says something of the weights' bits alone: of this very model, activations left as they are. Newest first. */
  of(model: vscode.Uri, sha256: string): Evaluation[] {
    return this.runs(model).filter(
      (run) => run.sha256 === sha256 && run.bits.length > 0 && run.activationBits === undefined,
    );
  }

  /** Everything of this model's file, the newest first. */
  runs(model: vscode.Uri): Run[] {
    return this.state.get<Run[]>(keyOf(model), []);
  }

  /** One measurement in the same way of the same bits replaces the older one. */
  async keep(model: vscode.Uri, added: Run): Promise<void> {
    const key = ({ bits, rounding, data, sha256, kind, file }: Run): string =>
      JSON.stringify([bits, rounding, data, sha256, kind, file]);
    const others = this.runs(model).filter((kept) => key(kept) !== key(added));
    await this.state.update(keyOf(model), [added, ...others].slice(0, MOST));
    this.changed.fire(model);
  }
}

function keyOf(model: vscode.Uri): string {
  return `evaluations:${model.toString()}`;
}
