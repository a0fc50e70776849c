/** Jobs run one after another; those that run or wait can be seen and cancelled in the view of models. */
import * as vscode from 'vscode';
import type { RequestOptions } from '../engine/client';
import type { DeviceStatus } from './deviceStatus';
import { DisposableStore } from './disposableStore';

export interface Job {
  readonly title: string;
  state: 'queued' | 'running';
  stage: string;
  /** 0 to 1. */
  fraction: number;
  cancel(): void;
}

const EVERY_MILLISECONDS = 250;

export class Jobs extends DisposableStore {
  private readonly jobs = new Set<Job>();
  private readonly changed = this.add(new vscode.EventEmitter<Job | undefined>());
  /** Fires with the job that went on; undefined: another one runs, or the list is another. */
  readonly onDidChange = this.changed.event;
  private last: Promise<unknown> = Promise.resolve();
  private told = 0;

  constructor(private readonly device: DeviceStatus) {
    super();
  }

  /** In the order in which they run. */
  list(): Job[] {
    return [...this.jobs];
  }

  /** Runs `work` with a notification, after the jobs that were asked for before. */
  run<T>(title: string, work: (options: RequestOptions) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    const job: Job = { title, state: 'queued', stage: '', fraction: 0, cancel: () => abort.abort() };
    this.jobs.add(job);
    this.changed.fire(undefined);
    const before = this.last;
    const mine = this.device
      .working(title, async ({ signal, onProgress }) => {
        const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal;
        await turn(before, either);
        job.state = 'running';
        this.changed.fire(undefined);
        return work({
          signal: either,
          onProgress: (progress) => {
            Object.assign(job, progress);
            onProgress?.(progress);
            this.tell(job);
          },
        });
      })
      .finally(() => {
        this.jobs.delete(job);
        this.changed.fire(undefined);
      });
    this.last = mine.catch(() => undefined);
    return mine;
  }

  private tell(job: Job): void {
    if (Date.now() - this.told < EVERY_MILLISECONDS) return;
    this.told = Date.now();
    this.changed.fire(job);
  }
}

/** Resolves when what was asked for before is over. @throws where this is cancelled first */
async function turn(before: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    void before.then(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}
