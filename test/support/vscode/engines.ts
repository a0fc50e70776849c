import { readdirSync, readFileSync } from 'node:fs';

export interface EngineProcess {
  pid: number;
  /** Process id of the extension host that started it. */
  host: number;
  /** Path of the dist/engine.js that it runs. */
  script: string;
}

/** All engine processes of this machine; null where the system does not say (no /proc). */
export function engineProcesses(): EngineProcess[] | null {
  if (process.platform !== 'linux') return null;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const script = read(pid, 'cmdline')
        .split('\0')
        .find((part) => part.endsWith('dist/engine.js'));
      return script === undefined ? [] : [{ pid: Number(pid), host: parentOf(pid), script }];
    });
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
