import { readdirSync, readFileSync } from 'node:fs';

/** Processes of this extension host that run dist/engine.js; null where the system does not say (no /proc). */
export function enginePids(): number[] | null {
  if (process.platform !== 'linux') return null;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const command = read(pid, 'cmdline').split('\0');
      return command.some((part) => part.endsWith('engine.js')) && parentOf(pid) === process.pid;
    })
    .map(Number);
}

/** The fields after the parenthesised name, which may hold anything, are state and parent. */
function parentOf(pid: string): number {
  return Number(/\) \S (\d+)/.exec(read(pid, 'stat'))?.[1]);
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}
