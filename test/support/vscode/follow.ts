import { existsSync, readFileSync } from 'node:fs';

/** Reads the complete lines that were appended to a small file since the last call. */
export class LineFollower {
  private seen = 0;

  constructor(private readonly path: string) {}

  read(): string[] {
    if (!existsSync(this.path)) return [];
    const complete = readFileSync(this.path, 'utf8').split('\n').slice(0, -1);
    const fresh = complete.slice(this.seen);
    this.seen = complete.length;
    return fresh;
  }
}
