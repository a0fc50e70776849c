import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { formatSize } from '../config/budget';
import { readConfig } from '../config/config';
import type { ExportRequest } from '../engine/protocol';
import { exportModel, freeModelPath, ROUNDING_SAMPLES, type Exported } from '../exporting';
import { FORMATS } from '../interop/formats';
import { comparisonLines } from './eval';
import { exportForeign } from './exportForeign';
import { addEngineOptions, positive, type EngineFlags } from './options';
import { printJson, printLines, withSession } from './session';

interface Flags extends EngineFlags {
  out?: string;
  force?: boolean;
  rounding: ExportRequest['rounding'];
  scales: ExportRequest['scaleType'];
  samples: number;
  json?: boolean;
  format?: string;
  nameMap?: string;
}

export function exportCommand(): Command {
  return addEngineOptions(new Command('export'))
    .description(
      'Write the quantized model that a config describes, and measure it against the original; ' +
        "or, with --format, its bits for another tool's use.",
    )
    .argument('<CONFIG>', 'an .ompq.json file')
    .option(
      '--out <FILE>',
      "what to write (default: <model>.quantized.onnx, or the format's own name, next to the config; " +
        'with --format, - prints it)',
    )
    .addOption(
      new Option('--format <ID>', 'bits for another tool instead of the model').choices(
        FORMATS.map((f) => f.id),
      ),
    )
    .option(
      '--name-map <FILE>',
      "with --format: JSON from names of nodes or weights to the other tool's names, where these cannot be told",
    )
    .option('--force', 'replace the file that --out names')
    .addOption(
      new Option('--rounding <HOW>', 'how weights are rounded')
        .choices(['reconstruct', 'gptq', 'nearest'])
        .default('reconstruct'),
    )
    .addOption(
      new Option('--scales <TYPE>', 'how scales are stored')
        .choices(['float32', 'float16'])
        .default('float32'),
    )
    .option('--samples <N>', 'calibration samples for rounding, at most', positive, ROUNDING_SAMPLES)
    .option('--json', 'print one JSON document')
    .action(async (file: string, flags: Flags) => {
      const configPath = resolve(file);
      const config = await readConfig(configPath);
      if (flags.format !== undefined) {
        await exportForeign(configPath, config, { ...flags, format: flags.format });
        return;
      }
      const out = flags.out === undefined ? freeModelPath(configPath) : resolve(flags.out);
      const done = await withSession(async ({ engine, options, note }) => {
        const settings = {
          out,
          overwrite: flags.force ?? false,
          rounding: flags.rounding,
          scaleType: flags.scales,
          samples: flags.samples,
          provider: flags.provider,
          memoryLimit: flags.memoryLimit,
        };
        const exported = await exportModel(engine, configPath, config, settings, options);
        for (const warning of exported.export.warnings) note(`warning: ${warning}`);
        return exported;
      });
      if (flags.json) printJson(toJson(done));
      else printLines(forPeople(done, config.model.bytes));
    });
}

function toJson({ path, export: reply, evaluation }: Exported) {
  return {
    model: path,
    bytes: reply.bytes,
    predictedBytes: reply.predictedBytes,
    rounding: reply.rounding,
    samples: reply.samples,
    provider: reply.provider,
    seconds: reply.seconds.total,
    against: evaluation.against,
  };
}

function forPeople({ path, export: reply, evaluation }: Exported, original: number): string[] {
  const { rounding, samples, seconds, bytes, predictedBytes } = reply;
  return [
    `${formatSize(original)} -> ${formatSize(bytes)} (1/${(original / bytes).toFixed(2)}), ` +
      `${bytes.toLocaleString('en')} bytes on disk, ${predictedBytes.toLocaleString('en')} predicted`,
    `rounded with ${rounding}${samples > 0 ? ` on ${samples} samples, ${reply.provider},` : ''} in ${seconds.total.toFixed(1)} s`,
    ...comparisonLines(evaluation),
    `wrote ${path}`,
  ];
}
