import { Command } from 'commander';
import { join } from 'node:path';
import { Cache } from '../cache/cache';
import { userCacheFolder } from '../cache/folder';
import { printable } from '../common/printable';
import { Engine } from '../engine/client';
import { serveTools } from './mcp/server';

export function mcpCommand(): Command {
  return new Command('mcp')
    .description(
      'Serve the tools of this command to a coding agent (Model Context Protocol, on standard input and output).',
    )
    .option(
      '--root <FOLDER>',
      'a folder whose files may be read and written (repeatable; default: those that the client lists)',
      (folder: string, others: string[]) => [...others, folder],
      [],
    )
    .action(async ({ root }: { root: string[] }) => {
      // Standard output belongs to the protocol.
      const note = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
      const engine = new Engine({
        script: join(__dirname, 'engine.js'),
        log: (level, line) => {
          if (level !== 'debug') note(line);
        },
      });
      try {
        const cache = new Cache(userCacheFolder(), { log: note });
        await serveTools(process.stdin, process.stdout, { engine, cache, folders: root });
      } finally {
        engine.dispose();
      }
    });
}
