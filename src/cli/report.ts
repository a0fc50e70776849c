import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeAtomically } from '../common/atomicFile';
import { ioError } from '../common/fileErrors';
import { CONFIG_SUFFIX, readConfig } from '../config/config';
import { gatherReport } from '../pipeline/report/gather';
import { reportAsHtml } from '../pipeline/report/html';
import { reportAsMarkdown } from '../pipeline/report/markdown';
import { printLines, withSession } from './session';

interface Flags {
  out?: string;
  model?: string;
  force?: boolean;
}

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'Write one HTML page (or Markdown) with bits, curve, orthogonality, quality, error of every layer and settings.',
    )
    .argument('<CONFIG>', 'an .ompq.json file')
    .option('--out <FILE>', 'an .html or .md file (default: <model>.report.html next to the config)')
    .option(
      '--model <FILE>',
      'the exported model, to measure every layer (default: <model>.quantized.onnx where it is there)',
    )
    .option('--force', 'replace the file that --out names')
    .action(async (file: string, flags: Flags) => {
      const path = resolve(file);
      const config = await readConfig(path);
      const base = path.endsWith(CONFIG_SUFFIX) ? path.slice(0, -CONFIG_SUFFIX.length) : path;
      const out = resolve(flags.out ?? `${base}.report.html`);
      if (!/\.(html?|md)$/i.test(out))
        throw new Error(`${out} is neither .html nor .md; give --out a name that is.`);
      if (existsSync(out) && !flags.force)
        throw new Error(`${out} exists already: --force replaces it, --out names another file.`);
      const written = `${base}.quantized.onnx`;
      const exported =
        flags.model === undefined ? (existsSync(written) ? written : null) : resolve(flags.model);
      const report = await withSession(
        ({ engine, options }) => gatherReport(engine, path, config, exported, options),
        true,
      );
      const text = /\.md$/i.test(out) ? reportAsMarkdown(report) : reportAsHtml(report);
      try {
        await writeAtomically(out, text);
      } catch (error) {
        throw ioError(error, out, 'write');
      }
      printLines([`wrote ${out}`]);
    });
}
