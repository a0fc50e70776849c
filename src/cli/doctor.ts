import { Command } from 'commander';
import { version } from '../../package.json';
import { doctorLines } from '../pipeline/doctorReport';
import { printJson, printLines, withSession } from './session';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Tell what this machine offers (devices, drivers, versions) and how to get what is missing.')
    .option('--json', 'print one JSON document')
    .action(async (flags: { json?: boolean }) => {
      const reply = await withSession(({ engine, options }) => engine.request({ kind: 'doctor' }, options));
      if (flags.json) printJson({ ompq: version, ...reply });
      else printLines(doctorLines(reply, { OMPQ: version }));
    });
}
