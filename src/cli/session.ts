/** What every command needs around its work: an engine, a progress bar on a terminal, Ctrl+C, one JSON document. */
import { Presets, SingleBar } from 'cli-progress';
import { join } from 'node:path';
import { Cache } from '../cache/cache';
import { userCacheFolder } from '../cache/folder';
import { printable } from '../common/printable';
import { Engine } from '../engine/client';
import type { Progress } from '../engine/protocol';
import type { ScoreOptions } from '../pipeline/settings';

export interface Session {
  engine: Engine;
  options: ScoreOptions;
  /** A line for people; on stderr, so that stdout stays one JSON document. */
  note: (line: string) => void;
}

/** By which signal the user has stopped the work, if he has. */
export let stoppedBy: 'SIGINT' | 'SIGTERM' | null = null;

/** Runs `work`, whose signal tells that the user wants to stop. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    stoppedBy = signal;
    abort.abort();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await work(abort.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/**
 * Runs `work` with an engine that is gone afterwards, however it ends.
 * @param caching whether scores are looked up in the user's cache and kept there
 */
export function withSession<T>(work: (session: Session) => Promise<T>, caching = false): Promise<T> {
  return untilStopped(async (signal) => {
    const bar = progressBar();
    const engine = new Engine({
      script: join(__dirname, 'engine.js'),
      log: (level, line) => {
        if (level !== 'debug' || process.env.OMPQ_DEBUG) bar.note(line);
      },
    });
    try {
      const cache = caching ? new Cache(userCacheFolder(), { log: bar.note }) : undefined;
      const options = { signal, onProgress: bar.update, cache };
      return await work({ engine, options, note: bar.note });
    } finally {
      bar.stop();
      engine.dispose();
    }
  });
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLines(lines: string[]): void {
  process.stdout.write(`${printable(lines.join('\n'))}\n`);
}

interface Bar {
  update: (progress: Progress) => void;
  note: (line: string) => void;
  stop: () => void;
}

/** Drawn on a terminal only. */
export function progressBar(): Bar {
  const bar = process.stderr.isTTY
    ? new SingleBar(
        {
          format: ' {bar} {percentage}%  {stage}',
          hideCursor: true,
          clearOnComplete: true,
          stream: process.stderr,
        },
        Presets.shades_classic,
      )
    : null;
  let running = false;
  const stop = (): void => {
    if (running) bar?.stop();
    running = false;
  };
  return {
    update: ({ stage, fraction }) => {
      if (!bar) return;
      if (!running) bar.start(100, 0, { stage });
      running = true;
      bar.update(Math.round(fraction * 100), { stage: printable(stage) });
    },
    note: (line) => {
      stop();
      process.stderr.write(`${printable(line)}\n`);
    },
    stop,
  };
}
