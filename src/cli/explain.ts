import { Command } from 'commander';
import { resolve } from 'node:path';
import { formatSize } from '../common/sizes';
import { readConfig } from '../config/config';
import { inspectFor } from '../pipeline/configured';
import { explain, type ExplainedLayer } from '../pipeline/explain';
import { printJson, printLines, withSession } from './session';

export function explainCommand(): Command {
  return new Command('explain')
    .description('Tell for each layer of a config why it has its bits, what hurts it, and what helps.')
    .argument('<CONFIG>', 'an .ompq.json file')
    .option('--layer <NAME>', 'only this layer')
    .option('--json', 'print one JSON document')
    .action(async (file: string, flags: { layer?: string; json?: boolean }) => {
      const path = resolve(file);
      const config = await readConfig(path);
      const all = await withSession(async ({ engine, options }) =>
        explain(config, await inspectFor(engine, path, config, options)),
      );
      const layers = flags.layer === undefined ? all : all.filter(({ name }) => name === flags.layer);
      if (layers.length === 0)
        throw new Error(`${file} has no layer "${flags.layer}"; "ompq explain ${file}" lists all.`);
      if (flags.json) printJson(layers);
      else printLines(layers.flatMap(linesOf));
    });
}

function linesOf({ name, bits, bytes, why, findings }: ExplainedLayer): string[] {
  return [
    `${name}: ${bits} bits, ${formatSize(bytes)}`,
    `  ${why}`,
    ...findings.map(({ problem, remedy }) => `  - ${problem} ${remedy}`),
  ];
}
