import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { outFolder } from './paths';

/** What a VS Code server prints: kept in a file, and searched for the lines the launcher reacts to. */
export class ServerLog {
  readonly path = join(outFolder, 'logs', `vscode-server-${process.pid}.log`);
  private readonly listeners: { pattern: RegExp; heard: (match: RegExpExecArray) => void }[] = [];
  private line = '';

  constructor() {
    mkdirSync(dirname(this.path), { recursive: true });
    rmSync(this.path, { force: true });
  }

  on(pattern: RegExp, heard: (match: RegExpExecArray) => void): void {
    this.listeners.push({ pattern, heard });
  }

  add(text: string): void {
    appendFileSync(this.path, text);
    const lines = (this.line + text).split('\n');
    this.line = lines.pop()!;
    for (const line of lines) {
      for (const { pattern, heard } of this.listeners) {
        const match = pattern.exec(line);
        if (match) heard(match);
      }
    }
  }
}
