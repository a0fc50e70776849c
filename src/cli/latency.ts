/** `ompq latency MODEL`: run times of every function, as `ompq quantize --latency-table` reads them. */
import { Command } from 'commander';
import { basename, dirname, join, resolve } from 'node:path';
import { writeAtomically } from '../common/atomicFile';
import { sameFile } from '../common/sameFile';
import { formatLimit } from '../config/limits';
import { SettingsError } from '../core/allocation/buildProblem';
import type { LatencyReply } from '../engine/protocol';
import type { Granularity } from '../onnx/network/network';
import { inspectRequest, withBranches } from '../pipeline/score';
import { settledData } from '../pipeline/settledData';
import { positive } from './arguments';
import { addDataOptions, askedData, type DataFlags, granularityOption } from './options';
import { printJson, printLines, withSession } from './session';
import { table } from './table';

interface Flags extends DataFlags {
  granularity: Granularity;
  runs: number;
  out?: string;
  json?: boolean;
}

export function latencyCommand(): Command {
  return addDataOptions(
    new Command('latency')
      .description(
        'Measure how long every function takes on this CPU, in floats and in 8-bit integers, and write the ' +
          'table that "ompq quantize --latency-table" reads.',
      )
      .argument('<MODEL>', 'an .onnx file'),
  )
    .addOption(granularityOption())
    .option('--runs <N>', 'runs, of which the median counts', positive, 50)
    .option('--out <FILE>', 'the table (default: <model>.latency.json next to the model)')
    .option('--json', 'print the table as well')
    .action(async (file: string, flags: Flags, command: Command) => {
      const model = resolve(file);
      const asked = askedData({ ...flags, samples: 1 }, command);
      const out = resolve(
        flags.out ?? join(dirname(model), `${basename(model).replace(/\.onnx$/i, '')}.latency.json`),
      );
      if (await sameFile(out, model)) {
        throw new SettingsError(`${out} is the model that is measured; give --out another name.`);
      }
      const { granularity, runs } = flags;
      const reply = await withSession(async ({ engine, options, note }) => {
        const { data } = await settledData(engine, model, asked, options);
        const measured = { model, granularity, data };
        const inspect = await engine.request(inspectRequest(measured), options);
        const settings = withBranches(measured, inspect);
        const found = await engine.request({ kind: 'latency', ...settings, runs, memoryLimit: 0 }, options);
        for (const warning of found.warnings) note(`warning: ${warning}`);
        return found;
      });
      const { warnings: _warnings, ...written } = reply;
      await writeAtomically(out, `${JSON.stringify(written, null, 2)}\n`);
      if (flags.json) printJson(written);
      else printLines(forPeople(reply, out));
    });
}

function forPeople({ functions, rest, whole, device, runtime, runs }: LatencyReply, out: string): string[] {
  const time = (milliseconds: number): string => formatLimit('milliseconds', milliseconds);
  const all = Object.values(functions);
  const integer = all.reduce((sum, times) => sum + times[8], rest);
  return [
    ...table(
      ['function', '8-bit integers', 'floats'],
      Object.entries(functions).map(([name, times]) => [name, time(times[8]), time(times[32])]),
    ),
    '',
    `${time(whole)} for one sample in floats, ${time(integer)} as 8-bit integers; ${time(rest)} of each is spent in operators that are not quantized`,
    `median of ${runs} runs, ${device}, ${runtime}`,
    'Integer kernels need integer activations (ompq export --act-bits): with weights alone every width runs as floats.',
    'Here widths below 8 bits run as 8, and are no faster.',
    `wrote ${out}`,
  ];
}
