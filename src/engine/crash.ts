/** How an engine process ended, in words that a person can act on. */
import { constants } from 'node:os';

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last of what it wrote to stderr. */
  stderr: string;
}

const LESS_MEMORY =
  'close other programs, lower the number of samples or set a lower memory limit, and run it again';

const MEMORY = /JavaScript heap out of memory|Array buffer allocation failed|bad_alloc/;
const FROM_OUTSIDE: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** What ended it in native code, for people (a signal, or the status that Windows gives); null where that was not it. */
export function nativeCrash({ code, signal, stderr }: Ending): string | null {
  const by = signal ?? signalOf(code);
  if (MEMORY.test(stderr) || by === 'SIGKILL' || (by !== null && FROM_OUTSIDE.includes(by))) return null;
  return by ?? (code !== null && code >= 0xc0000000 ? `0x${code.toString(16)}` : null);
}

/** @param work what it was doing: "scoring net.onnx" */
export function describeEnding(ending: Ending, work: string): string {
  const { code, stderr } = ending;
  const signal = ending.signal ?? signalOf(code);
  if (MEMORY.test(stderr)) {
    return `The engine ran out of memory while ${work}; ${LESS_MEMORY}.`;
  }
  if (signal === 'SIGKILL') {
    return `The operating system ended the engine (SIGKILL) while ${work}, most likely because memory ran out; ${LESS_MEMORY}.`;
  }
  if (signal !== null && FROM_OUTSIDE.includes(signal)) {
    return `The engine was stopped from outside (${signal}) while ${work}; run it again.`;
  }
  const crash = nativeCrash(ending);
  if (crash !== null) {
    return `The engine crashed in native code (${crash}) while ${work}; try the CPU (provider "cpu") and fewer samples, and report the model if it happens again.`;
  }
  const said = lastLine(stderr);
  return `The engine ended (exit code ${code}) while ${work}${said ? `: ${said}` : ''}; run it again, and see the log if it happens again.`;
}

/** Where a shell stands in between, death by signal n arrives as exit code 128 + n. */
function signalOf(code: number | null): NodeJS.Signals | null {
  if (code === null || code <= 128 || code > 160) return null;
  const found = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  return found ? (found[0] as NodeJS.Signals) : null;
}

function lastLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const error = lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.findLast((line) => line !== '');
  return (error ?? '').replace(/\.$/, '').slice(0, 300);
}
