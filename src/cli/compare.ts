import { Command } from 'commander';
import { resolve } from 'node:path';
import { formatSize, formatAverage } from '../common/sizes';
import { readConfig } from '../config/config';
import { compareConfigs, type ComparedConfigs, type ConfigFacts } from '../pipeline/compare';
import { printJson, printLines } from './session';
import { table } from './table';

export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Show two configs of one model side by side: bytes, bits, measured quality and the layers that differ.',
    )
    .argument('<A>', 'an .ompq.json file')
    .argument('<B>', 'another one of the same model')
    .option('--json', 'print one JSON document')
    .action(async (a: string, b: string, flags: { json?: boolean }) => {
      const compared = compareConfigs(await readConfig(resolve(a)), await readConfig(resolve(b)));
      if (flags.json) printJson(compared);
      else printLines(forPeople(a, b, compared));
    });
}

function forPeople(nameA: string, nameB: string, { a, b, changed }: ComparedConfigs): string[] {
  const row = (name: string, facts: ConfigFacts): string[] => [
    name,
    formatSize(facts.bytes),
    formatAverage(facts.averageBits),
    facts.noise?.toPrecision(3) ?? '-',
    facts.kl?.toPrecision(3) ?? '-',
    facts.agreement === null ? '-' : `${(100 * facts.agreement).toFixed(1)} %`,
    facts.sqnrDb === null ? '-' : `${facts.sqnrDb.toFixed(1)} dB`,
  ];
  return [
    ...table(
      ['config', 'size', 'average', 'noise', 'KL', 'same answer', 'SQNR'],
      [row(nameA, a), row(nameB, b)],
    ),
    '',
    ...(changed.length === 0
      ? ['Every layer has the same bits.']
      : table(
          ['layer', 'A', 'B', 'bytes'],
          changed.map((each) => [each.name, String(each.a), String(each.b), signed(each.bytes)]),
        )),
  ];
}

const signed = (bytes: number): string => (bytes < 0 ? `-${formatSize(-bytes)}` : `+${formatSize(bytes)}`);
