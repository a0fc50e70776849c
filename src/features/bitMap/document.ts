/** What of a model's bits is changed but not written: VS Code asks before it is lost, undoes it and restores it. */
import * as vscode from 'vscode';
import type { PanelEdit, Plan, PlanOutcome } from '../../../webview/protocol';
import { DisposableStore } from '../disposableStore';
import type { PanelHost } from './host';

/** One change by the user, as VS Code keeps it. */
export type Step = vscode.CustomDocumentEditEvent<BitMapDocument>;

/** What lies in VS Code's backup while the window is closed. */
interface Backup {
  config: string;
  plan: Plan;
  outcome: PlanOutcome | null;
}

/** The document of a model's bit map. Its file is the model, which is never changed; saving writes the config. */
export class BitMapDocument extends DisposableStore implements vscode.CustomDocument {
  /** The unwritten plan; null: the config's. */
  plan: Plan | null = null;
  /** What `plan` comes to; null while it is sought. */
  private outcome: PlanOutcome | null = null;
  /** Which state of the steps it is in, each with a number of its own, and which one the config holds. */
  private state = 0;
  private writtenState = 0;
  private lastState = 0;
  private readonly planned = this.add(new vscode.EventEmitter<Plan | null>());
  /** The page is to show this plan. */
  readonly onDidTakePlan = this.planned.event;
  private readonly settled = this.add(new vscode.EventEmitter<void>());
  private readonly gone = this.add(new vscode.EventEmitter<void>());
  readonly onDidDispose = this.gone.event;

  private constructor(
    readonly uri: vscode.Uri,
    public config: vscode.Uri,
  ) {
    super();
  }

  /** @param backup of the last window; undefined: nothing was unwritten */
  static async open(
    uri: vscode.Uri,
    config: vscode.Uri,
    backup: string | undefined,
  ): Promise<BitMapDocument> {
    const document = new BitMapDocument(uri, config);
    if (backup !== undefined) await document.restore(vscode.Uri.parse(backup));
    return document;
  }

  override dispose(): void {
    this.gone.fire();
    super.dispose();
  }

  get isDirty(): boolean {
    return this.state !== this.writtenState;
  }

  step(before: Plan, after: Plan): Step {
    const from = this.state;
    const to = (this.state = ++this.lastState);
    this.hold(after);
    const move = (state: number, plan: Plan): void => {
      this.state = state;
      this.hold(this.isDirty ? plan : null);
      this.planned.fire(this.plan);
    };
    return {
      document: this,
      label: vscode.l10n.t('Change Bits'),
      undo: () => move(from, before),
      redo: () => move(to, after),
    };
  }

  /** What the page found for a plan; one that is not the present one any more counts for nothing. */
  settle(plan: Plan, outcome: PlanOutcome): void {
    if (!this.plan || JSON.stringify(plan) !== JSON.stringify(this.plan)) return;
    this.outcome = outcome;
    this.settled.fire();
  }

  /** What saving is to write; waits while it is sought. @throws Error where the plan has no solution */
  private async edit(token: vscode.CancellationToken): Promise<PanelEdit> {
    while (this.outcome === null) {
      if (token.isCancellationRequested) throw new vscode.CancellationError();
      await nextOf([this.settled.event, token.onCancellationRequested]);
    }
    if ('problem' in this.outcome) throw new Error(this.outcome.problem);
    return this.outcome.edit;
  }

  /** Writes the config. @throws Error where that fails; the document is dirty then as before */
  async save(host: Pick<PanelHost, 'write'>, token: vscode.CancellationToken): Promise<void> {
    if (!this.isDirty) return;
    const edit = await this.edit(token);
    const { state } = this;
    await host.write(this.uri, this.config, edit);
    // a step that was made meanwhile is not written
    this.writtenState = state;
    if (!this.isDirty) this.hold(null);
  }

  revert(): void {
    this.writtenState = this.state;
    this.hold(null);
    this.planned.fire(null);
  }

  async backUp(destination: vscode.Uri): Promise<vscode.CustomDocumentBackup> {
    if (this.plan) {
      const backup: Backup = { config: this.config.toString(), plan: this.plan, outcome: this.outcome };
      await vscode.workspace.fs.writeFile(destination, Buffer.from(JSON.stringify(backup)));
    }
    const remove = async (): Promise<void> => {
      await vscode.workspace.fs.delete(destination).then(undefined, () => undefined);
    };
    return { id: destination.toString(), delete: () => void remove() };
  }

  private async restore(backup: vscode.Uri): Promise<void> {
    const text = Buffer.from(await vscode.workspace.fs.readFile(backup)).toString();
    const { config, plan, outcome } = JSON.parse(text) as Backup;
    this.config = vscode.Uri.parse(config);
    this.state = ++this.lastState;
    this.plan = plan;
    this.outcome = outcome;
  }

  private hold(plan: Plan | null): void {
    this.plan = plan;
    this.outcome = null;
  }
}

function nextOf(events: vscode.Event<unknown>[]): Promise<void> {
  return new Promise((resolve) => {
    const listening = events.map((event) =>
      event(() => {
        for (const each of listening) each.dispose();
        resolve();
      }),
    );
  });
}
