/** The caller's end of the engine: spawns the process when it is needed, and outlives it however it ends. */
import type { ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { removeStale } from '../common/temporaryFiles';
import { describeEnding, type Ending, nativeCrash } from './crash';
import { describeWork } from './describeWork';
import { type EngineProcess, forkEngine } from './fork';
import type {
  EngineReply,
  EngineRequest,
  FromEngine,
  LogLevel,
  Progress,
  Provider,
  ReplyTo,
  ToEngine,
} from './protocol';

/** The request was cancelled by its caller, or the engine was disposed of. */
export class CancelledError extends Error {
  override name = 'CancelledError';
  constructor() {
    super('Cancelled.');
  }
}

/** A request failed; the message is a sentence for people. */
export class EngineRequestError extends Error {
  override name = 'EngineRequestError';
}

/** The engine process died under the request; the message says how, and what to try. */
export class EngineCrashError extends EngineRequestError {
  override name = 'EngineCrashError';
}

export interface EngineOptions extends EngineProcess {
  log: (level: LogLevel, line: string) => void;
  /** How long a cancelled request may take to stop by itself before the process is ended. Default 1 s. */
  graceMs?: number;
  /** How long a request may go without a sign of life before the engine counts as hung. Default 20 minutes. */
  hangMs?: number;
}

export interface RequestOptions {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

interface Pending {
  id: number;
  request: EngineRequest;
  /** What the engine has said it works on; null: the CPU. */
  device: string | null;
  /** Where the device that 'auto' had chosen has crashed: words for the user. */
  crashed: string | null;
  /** Progress told so far. */
  reached: number;
  options: RequestOptions;
  resolve: (reply: EngineReply) => void;
  reject: (error: Error) => void;
  onAbort: () => void;
}

const STDERR_KEPT = 8192;
/** The watchdog counts ticks, not time: a laptop that sleeps does not tick. */
const TICK_MS = 5000;

/**
 * Requests run one at a time, in order. A job that died is never started again by itself, but for one case: where a
 * device that 'auto' had chosen took the engine with it, the CPU does the work, in this and in all later requests.
 */
export class Engine {
  private child: ChildProcess | null = null;
  private stderr = '';
  private active: Pending | null = null;
  private readonly queue: Pending[] = [];
  private nextId = 1;
  private graceTimer: NodeJS.Timeout | undefined;
  private watchdog: NodeJS.Timeout | undefined;
  private silentTicks = 0;
  private disposed = false;
  /** The device that has taken an engine with it. */
  private deadly: string | null = null;

  constructor(private readonly options: EngineOptions) {}

  /** @throws EngineRequestError, EngineCrashError, CancelledError */
  request<R extends EngineRequest>(request: R, options: RequestOptions = {}): Promise<ReplyTo<R>> {
    const reply = new Promise<EngineReply>((resolve, reject) => {
      if (this.disposed || options.signal?.aborted) {
        reject(new CancelledError());
        return;
      }
      const pending: Pending = {
        id: this.nextId++,
        request,
        device: null,
        crashed: null,
        reached: 0,
        options,
        resolve,
        reject,
        onAbort: () => this.cancel(pending),
      };
      options.signal?.addEventListener('abort', pending.onAbort, { once: true });
      this.queue.push(pending);
      this.startNext();
    });
    // The engine answers each kind with its own reply.
    return reply as Promise<ReplyTo<R>>;
  }

  /** Process id of the running engine, if there is one. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Ends the process; what is pending is rejected as cancelled. Safe to call twice. */
  dispose(): void {
    this.disposed = true;
    void this.endChild();
    for (const pending of this.takeAll()) pending.reject(new CancelledError());
  }

  private startNext(): void {
    if (this.active || this.disposed) return;
    const next = this.queue.shift();
    if (!next) return;
    this.active = next;
    this.silentTicks = 0;
    this.watchdog ??= setInterval(() => this.tick(), TICK_MS).unref();
    if (this.deadly !== null && isAuto(next.request)) {
      this.options.log('info', `${this.deadly} has crashed before and is not tried again: the CPU is used.`);
      next.request = { ...next.request, provider: 'cpu' };
    }
    this.begin(next);
  }

  private begin({ id, request }: Pending): void {
    this.child ??= this.spawn();
    this.post({ id, request });
  }

  private spawn(): ChildProcess {
    const child = forkEngine(this.options);
    this.stderr = '';
    this.options.log('debug', `Engine process ${child.pid ?? '?'} started.`);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.child !== child) return;
      this.stderr = (this.stderr + text).slice(-STDERR_KEPT);
      for (const line of text.split('\n')) if (line.trim() !== '') this.options.log('debug', line.trimEnd());
    });
    child.on('message', (message) => {
      if (this.child === child) this.receive(message as FromEngine);
    });
    child.on('error', (error) => this.lost(child, `The engine could not be started: ${error.message}.`));
    // 'close' comes when stderr has been read to its end, too.
    child.on('close', (code, signal) => {
      const lose = (): void => this.lost(child, { code, signal, stderr: this.stderr });
      // Ctrl+C ends an engine that is just starting, perhaps before this process has heard of it.
      if (signal === 'SIGINT') setTimeout(lose, 100);
      else lose();
    });
    return child;
  }

  private post(message: ToEngine): void {
    // A channel that has just closed is followed by 'close', which rejects what is pending.
    if (this.child?.connected) this.child.send(message, () => undefined);
  }

  private receive(message: FromEngine): void {
    this.silentTicks = 0;
    if ('log' in message) {
      this.options.log(message.level, message.log);
      return;
    }
    const pending = this.active;
    if (!pending || pending.id !== message.id) return;
    if ('device' in message) {
      pending.device = message.device;
      return;
    }
    if ('progress' in message) {
      if (!pending.options.signal?.aborted) pending.options.onProgress?.(risen(pending, message.progress));
      return;
    }
    this.settle(pending);
    if ('reply' in message) pending.resolve(withWarning(message.reply, pending.crashed));
    else if ('cancelled' in message) pending.reject(new CancelledError());
    else {
      if (message.error.stack) this.options.log('debug', message.error.stack);
      pending.reject(new EngineRequestError(message.error.message));
    }
    this.startNext();
  }

  /** A queued request just leaves; a running one is asked to stop, and the process is ended if it does not. */
  private cancel(pending: Pending): void {
    const waiting = this.queue.indexOf(pending);
    if (waiting >= 0) {
      this.queue.splice(waiting, 1);
      pending.reject(new CancelledError());
      return;
    }
    if (this.active !== pending) return;
    this.post({ id: pending.id, cancel: true });
    this.graceTimer = setTimeout(() => {
      this.options.log('debug', 'A native call did not return in time; the engine process is ended.');
      // Whoever hears that it is cancelled finds nothing of it.
      void this.endChild().then(() => pending.reject(new CancelledError()));
      this.settle(pending);
      this.startNext();
    }, this.options.graceMs ?? 1000);
  }

  private tick(): void {
    if (!this.active) return;
    this.silentTicks++;
    if (this.silentTicks * TICK_MS < (this.options.hangMs ?? 20 * 60_000)) return;
    const minutes = Math.round((this.silentTicks * TICK_MS) / 60_000);
    const work = describeWork(this.active);
    void this.endChild();
    this.rejectAll(
      `The engine gave no sign of life for ${minutes} minutes while ${work} and was stopped; try fewer samples, or the CPU (provider "cpu").`,
    );
  }

  private lost(child: ChildProcess, how: Ending | string): void {
    if (this.child !== child) return;
    this.child = null;
    void sweepAfter(this.active?.request);
    if (!this.active) {
      this.options.log('debug', `The idle engine process ${child.pid ?? '?'} ended.`);
      return;
    }
    const { active } = this;
    // Ctrl+C can reach an engine that is still starting, too.
    if (active.options.signal?.aborted) {
      this.settle(active);
      active.reject(new CancelledError());
      this.startNext();
      return;
    }
    if (typeof how !== 'string' && this.goOnWithCpu(active, how)) return;
    this.rejectAll(typeof how === 'string' ? how : describeEnding(how, describeWork(active)));
  }

  /** The engine was on a device of its own choice, which has crashed: false where that is not what happened. */
  private goOnWithCpu(pending: Pending, how: Ending): boolean {
    const { request, device } = pending;
    const crash = nativeCrash(how);
    if (crash === null || device === null || !isAuto(request)) return false;
    pending.crashed = `${device} crashed (${crash}) and the CPU did the work; it is not tried again before a restart.`;
    this.options.log('warn', pending.crashed);
    this.deadly = device;
    pending.request = { ...request, provider: 'cpu' };
    pending.device = null;
    this.silentTicks = 0;
    this.begin(pending);
    return true;
  }

  private rejectAll(message: string): void {
    this.options.log('warn', message);
    for (const pending of this.takeAll()) pending.reject(new EngineCrashError(message));
  }

  private takeAll(): Pending[] {
    const all = [...(this.active ? [this.active] : []), ...this.queue.splice(0)];
    for (const pending of all) this.settle(pending);
    return all;
  }

  /** The request is over: nothing of it stays behind. */
  private settle(pending: Pending): void {
    pending.options.signal?.removeEventListener('abort', pending.onAbort);
    if (this.active !== pending) return;
    this.active = null;
    clearTimeout(this.graceTimer);
    if (this.queue.length > 0) return;
    clearInterval(this.watchdog);
    this.watchdog = undefined;
  }

  /** Resolves when the process has ended and what it was writing is gone. */
  private endChild(): Promise<void> {
    const child = this.child;
    this.child = null;
    const request = this.active?.request;
    if (!child) return Promise.resolve();
    const isOver = child.exitCode !== null || child.signalCode !== null;
    const ended = isOver ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve));
    // SIGKILL: a process inside a native call hears nothing else.
    child.kill('SIGKILL');
    return ended.then(() => sweepAfter(request));
  }
}

/** Removes what a killed engine was writing. */
async function sweepAfter(request: EngineRequest | undefined): Promise<void> {
  if (request?.kind === 'export') await removeStale(dirname(request.out));
}

type AutoRequest = Extract<EngineRequest, { provider?: Provider }>;

function isAuto(request: EngineRequest): request is AutoRequest {
  return 'provider' in request && request.provider === 'auto';
}

/** Progress never falls, not even where the work begins again. */
function risen(pending: Pending, progress: Progress): Progress {
  pending.reached = Math.max(pending.reached, progress.fraction);
  return { ...progress, fraction: pending.reached };
}

function withWarning(reply: EngineReply, warning: string | null): EngineReply {
  if (warning === null || !('warnings' in reply)) return reply;
  return { ...reply, warnings: [warning, ...reply.warnings] };
}
