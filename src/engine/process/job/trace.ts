/** Where the engine's time goes: spans of work in Chrome's trace format, which chrome://tracing and ui.perfetto.dev draw. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';

/** One complete event of the format. Times are in microseconds. */
export interface Span {
  name: string;
  ph: 'X';
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  args: SpanArguments;
}

export interface SpanArguments {
  /** Processor time of the whole process during the span, microseconds. */
  user: number;
  system: number;
  /** Pages that the system had to hand over. */
  faults: number;
  detail?: string;
}

/** Spans shorter than this (microseconds) only count towards the span around them, where they have no detail to tell. */
const LEAST = 200;
const FLUSHED_AT = 1000;

let file: string | undefined;
let waiting: Span[] = [];

/** Begins a trace in `path`, or goes on with it; each `flushTrace` leaves a file that can be opened. */
export function startTrace(path: string | undefined): void {
  file = path;
  waiting = [];
  // The format allows the closing bracket to be missing.
  if (file && !existsSync(file)) writeFileSync(file, '[\n');
}

/** Runs `work`; where a trace was started, with its times on record. */
export async function span<T>(name: string, work: () => T | Promise<T>, detail?: string): Promise<T> {
  if (!file) return work();
  const before = process.resourceUsage();
  const start = performance.now();
  try {
    return await work();
  } finally {
    const end = performance.now();
    const after = process.resourceUsage();
    const dur = 1000 * (end - start);
    if (dur >= LEAST || detail !== undefined) {
      const args = {
        user: after.userCPUTime - before.userCPUTime,
        system: after.systemCPUTime - before.systemCPUTime,
        faults: after.minorPageFault - before.minorPageFault,
        ...(detail === undefined ? {} : { detail }),
      };
      waiting.push({ name, ph: 'X', pid: process.pid, tid: 1, ts: 1000 * start, dur, args });
      if (waiting.length >= FLUSHED_AT) flushTrace();
    }
  }
}

export function flushTrace(): void {
  if (file && waiting.length > 0)
    appendFileSync(file, waiting.map((each) => `${JSON.stringify(each)},\n`).join(''));
  waiting = [];
}
