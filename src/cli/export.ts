import type { OutputChoice } from '../onnx/network/outputs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { resolve } from 'node:path';
import { sameFile } from '../common/sameFile';
import { formatSize } from '../common/sizes';
import { readConfig } from '../config/config';
import { keepsNeeded, neededActivations, neededSentence } from '../config/neededActivations';
import type { Config } from '../config/types';
import { SettingsError } from '../core/allocation/buildProblem';
import type {
  ActivationBits,
  ActivationChoice,
  ExportRequest,
  FormChoice,
  RangeMethod,
} from '../engine/protocol';
import { FORMATS } from '../interop/formats/formats';
import {
  type Exported,
  exportModel,
  freeModelPath,
  ROUNDING_SAMPLES,
  searchedActivations,
} from '../pipeline/export';
import { comparisonLines } from './eval';
import { exportForeign } from './exportForeign';
import { stayingNotes } from '../pipeline/shares';
import { positive } from './arguments';
import { addEngineOptions, addOutputOption, type EngineFlags } from './options';
import { printJson, printLines, withSession } from './session';

interface Flags extends EngineFlags {
  out?: string;
  force?: boolean;
  rounding: ExportRequest['rounding'];
  scales: ExportRequest['scaleType'];
  form: FormChoice;
  actBits?: ActivationBits | 'config';
  actRange: RangeMethod;
  samples: number;
  cache: boolean;
  json?: boolean;
  format?: string;
  nameMap?: string;
  output: Record<string, OutputChoice>;
}

export function exportCommand(): Command {
  return addOutputOption(addEngineOptions(new Command('export')))
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
    .addOption(
      new Option(
        '--form <FORM>',
        'how weights are written: as bit planes, unpacked to floats when the file is loaded; or, those of 4 and 8 bits that a ' +
          'MatMul or Gemm reads, for a DequantizeLinear that ONNX Runtime runs packed, which is faster where few rows are ' +
          'multiplied; auto: by the rows that each layer sees in a sample',
      )
        .choices(FORMS)
        .default('auto'),
    )
    .option(
      '--act-bits <BITS>',
      'also quantize activations, to 8 bits or to 4 to 7 on the 8-bit grid, for integer kernels; "config": to the bits that ' +
        '--act-widths found (default: weights only)',
      activationBits,
    )
    .addOption(
      new Option('--act-range <HOW>', 'with --act-bits: how the ranges of activations are found')
        .choices(RANGES)
        .default('percentile'),
    )
    .option(
      '--samples <N>',
      'calibration samples for rounding and ranges, at most',
      positive,
      ROUNDING_SAMPLES,
    )
    .option('--no-cache', 'round every layer anew, and keep none for the next export')
    .option('--json', 'print one JSON document')
    .action(async (file: string, flags: Flags) => {
      const configPath = resolve(file);
      const config = await readConfig(configPath);
      if (flags.format !== undefined) {
        await exportForeign(configPath, config, { ...flags, format: flags.format });
        return;
      }
      const out = flags.out === undefined ? freeModelPath(configPath) : resolve(flags.out);
      if (await sameFile(out, configPath)) {
        throw new SettingsError(`${out} is the config that is exported; give --out another name.`);
      }
      const done = await withSession(async ({ engine, options, note }) => {
        const settings = {
          out,
          overwrite: flags.force ?? false,
          rounding: flags.rounding,
          scaleType: flags.scales,
          form: flags.form,
          activations: activationChoice(flags, config, configPath),
          samples: flags.samples,
          provider: flags.provider,
          memoryLimit: flags.memoryLimit,
          outputs: flags.output,
        };
        const exported = await exportModel(engine, configPath, config, settings, options);
        for (const warning of [...exported.export.warnings, ...activationWarnings(flags, config)])
          note(`warning: ${warning}`);
        return exported;
      }, flags.cache);
      if (flags.json) printJson(toJson(done));
      else printLines(forPeople(done, config));
    });
}

const FORMS: FormChoice[] = ['auto', 'planes', 'dq'];
const RANGES: RangeMethod[] = ['percentile', 'mse', 'minmax'];

/** @throws SettingsError where the config is asked and has none */
function activationChoice(
  { actBits, actRange: range }: Flags,
  config: Config,
  configPath: string,
): ActivationChoice | null {
  if (actBits === 'config') return searchedActivations(config, configPath, range);
  return actBits === undefined ? null : { bits: actBits, range };
}

/** Where the file that is written has other activations than the config counts with. */
function activationWarnings({ actBits }: Flags, config: Config): string[] {
  if (actBits === 'config' && config.functions.every((f) => f.activationBits === 32)) {
    return ['every function keeps float activations, so only weights are quantized.'];
  }
  const needed = neededActivations(config);
  return needed && !keepsNeeded(config, needed, actBits ?? null) ? [`${neededSentence(needed)}.`] : [];
}

function activationBits(text: string): ActivationBits | 'config' {
  if (text === 'config') return text;
  const bits = Number(text);
  if (![4, 5, 6, 7, 8].includes(bits))
    throw new InvalidArgumentError('Activations take 4 to 8 bits, or "config".');
  return bits as ActivationBits;
}

function toJson({ path, export: reply, evaluation }: Exported) {
  return {
    model: path,
    bytes: reply.bytes,
    predictedBytes: reply.predictedBytes,
    rounding: reply.rounding,
    packed: reply.packed,
    activations: reply.activations,
    samples: reply.samples,
    reusedLayers: reply.reused,
    provider: reply.provider,
    seconds: reply.seconds.total,
    against: evaluation.against,
  };
}

function forPeople({ path, export: reply, evaluation, inspect }: Exported, config: Config): string[] {
  const original = config.model.bytes;
  const { rounding, activations, samples, reused, seconds, bytes, predictedBytes } = reply;
  return [
    `${formatSize(original)} -> ${formatSize(bytes)} (1/${(original / bytes).toFixed(2)}), ` +
      `${bytes.toLocaleString('en')} bytes on disk, ${predictedBytes.toLocaleString('en')} predicted`,
    ...stayingNotes(
      inspect,
      config.functions.map((f) => f.bits),
    ),
    `rounded with ${rounding}${samples > 0 ? ` on ${samples} samples, ${reply.provider},` : ''} in ${seconds.total.toFixed(1)} s`,
    ...(reused > 0
      ? [`${reused} ${reused === 1 ? 'layer was' : 'layers were'} rounded alike by an earlier export`]
      : []),
    ...packedLine(reply.packed),
    ...(activations ? activationLines(activations, predictedBytes, config.totals.bytes) : []),
    ...comparisonLines(evaluation),
    `wrote ${path}`,
  ];
}

/** What was checked of a file that ONNX Runtime runs with kernels of its own. */
function packedLine(packed: Exported['export']['packed']): string[] {
  if (!packed) return [];
  const { weights, leastDb } = packed;
  const outputs =
    leastDb === null
      ? ''
      : `; the fused kernels may round what they read to 8 bits: on the sample that the file was tried on, each output is within ${leastDb.toFixed(1)} dB of the exact one`;
  return [
    `${weights} ${weights === 1 ? 'weight stays' : 'weights stay'} packed in memory (DequantizeLinear), equal to the rounded weights bit for bit${outputs}`,
  ];
}

function activationLines(
  found: NonNullable<Exported['export']['activations']>,
  predictedBytes: number,
  total: number,
): string[] {
  const { bits, perFunction, range, integerLayers, layers, tensors, samples, bytes } = found;
  const number = (value: number) => value.toLocaleString('en');
  const widths = perFunction ?? [bits];
  const [least, most] = [Math.min(...widths), Math.max(...widths)];
  return [
    `activations at ${least === most ? most : `${least} to ${most}`} bits (${range} ranges on ${samples} samples): ${integerLayers} of ${layers} layers are ` +
      `written for integer kernels, ${tensors} tensors quantized`,
    `predicted: ${number(predictedBytes - bytes)} bytes for weights only (the config's total, with every look-up table: ${number(total)}) + ` +
      `${number(bytes)} for activations = ${number(predictedBytes)}`,
  ];
}
