/** One request at work in the engine process: its cancellation, its progress, its log. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ContestReply, LogLevel, Progress } from '../../protocol';
import { JobCancelled } from './faults';

const PROGRESS_EVERY_MS = 250;

export class Job {
  private readonly abort = new AbortController();
  private fraction = 0;
  private stage = '';
  private lastSent = -Infinity;

  constructor(
    private readonly send: (progress: Progress) => void,
    readonly log: (level: LogLevel, line: string) => void,
    private readonly sendDevice: (device: string | null) => Promise<void> = () => Promise.resolve(),
  ) {}

  /** For work that listens by itself. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  cancel(): void {
    this.abort.abort();
  }

  /** Lets messages in, then throws JobCancelled if one of them was a cancellation. Call between native calls. */
  async checkpoint(): Promise<void> {
    await nextTurn();
    if (this.abort.signal.aborted) throw new JobCancelled();
  }

  /** Tells the caller, who must know whom to blame if this process does not outlive it; null: the CPU. */
  onDevice(device: string | null): Promise<void> {
    return this.sendDevice(device);
  }

  /** A few times a second at most; a new stage is always told. */
  progress(stage: string, fraction: number): void {
    this.fraction = Math.min(1, Math.max(this.fraction, fraction));
    const now = performance.now();
    if (stage === this.stage && now - this.lastSent < PROGRESS_EVERY_MS && this.fraction < 1) return;
    this.stage = stage;
    this.lastSent = now;
    this.send({ stage, fraction: this.fraction });
  }

  /** Hands over what is there so far. */
  partial(partial: ContestReply): void {
    this.send({ stage: this.stage, fraction: this.fraction, partial });
  }
}
