/** `ompq export CONFIG --format ID`: the allocation in another tool's format. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeAtomically } from '../common/atomicFile';
import { ioError } from '../common/fileErrors';
import { sameFile } from '../common/sameFile';
import type { Config } from '../config/config';
import { FormatError } from '../interop/errors';
import { formatOf, FORMATS } from '../interop/formats/formats';
import { inspectFor } from '../pipeline/configured';
import { foreignPath, readNameMap, writeForeign } from '../pipeline/foreign';
import { printJson, printLines, withSession } from './session';

interface Flags {
  format: string;
  out?: string;
  nameMap?: string;
  force?: boolean;
  json?: boolean;
}

const STDOUT = '-';

export async function exportForeign(configPath: string, config: Config, flags: Flags): Promise<void> {
  const format = formatOf(flags.format, FORMATS);
  const path = flags.out === undefined ? foreignPath(configPath, format) : resolve(flags.out);
  const toFile = flags.out !== STDOUT;
  if (toFile && !flags.force && existsSync(path)) {
    throw new FormatError(`${path} exists already: --force replaces it, --out names another file.`);
  }
  const names =
    flags.nameMap === undefined ? new Map<string, string>() : await readNameMap(resolve(flags.nameMap));
  const written = await withSession(async ({ engine, options, note }) => {
    const { files } = await inspectFor(engine, configPath, config, options);
    for (const source of toFile ? [configPath, ...files] : []) {
      if (await sameFile(path, source))
        throw new FormatError(`${path} is what is exported; give --out another name.`);
    }
    const result = await writeForeign(engine, configPath, config, format, names, options);
    for (const warning of result.warnings) note(`warning: ${warning}`);
    return result;
  }, true);
  if (!toFile) {
    process.stdout.write(written.content);
    return;
  }
  try {
    await writeAtomically(path, written.content);
  } catch (error) {
    throw ioError(error, path, 'write');
  }
  if (flags.json) printJson({ format: format.id, file: path, warnings: written.warnings });
  else printLines([`wrote ${path}`, `for ${format.use}`]);
}
