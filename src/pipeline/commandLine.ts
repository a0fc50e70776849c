/** What the page does, as commands of `ompq`: the config's settings in the words of the command line. */
import { CONFIG_SUFFIX } from '../config/config';
import { lockedBits } from '../config/edit';
import type { Limits } from '../config/limits';
import { modelPathOf } from '../config/paths';
import type { Config, Quality } from '../config/types';
import { dataOf } from './configured';

export const COMMANDS = ['quantize', 'export', 'eval'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** Shells differ in how they quote. */
export type Shell = 'posix' | 'powershell' | 'cmd';

/** @param program path of a shell, as VS Code or the environment names it */
export function shellOf(program: string): Shell {
  if (/(^|[\\/])(pwsh|powershell)(\.exe)?$/i.test(program)) return 'powershell';
  return /(^|[\\/])cmd(\.exe)?$/i.test(program) ? 'cmd' : 'posix';
}

/** One line to paste into a shell; what no option says stands in a comment at its end. */
export function commandLine(
  name: CommandName,
  config: Config,
  configPath: string,
  shell: Shell = 'posix',
): string {
  const args = { quantize: quantizeArguments, export: exportArguments, eval: evalArguments }[name];
  const line = ['ompq', name, ...args(config, configPath)].map((text) => quoted(text, shell)).join(' ');
  const missing = name === 'quantize' ? inexpressible(config) : [];
  return missing.length === 0
    ? line
    : `${line} ${shell === 'cmd' ? '& rem' : '#'} without ${missing.join(' and ')}`;
}

export function quantizeArguments(config: Config, configPath: string): string[] {
  const { allocation, scoring, contest, calibration } = config;
  const { objective, widths, groups, pin, rules, ties, activationBits, activationWidths } = allocation;
  return [
    modelPathOf(config, configPath),
    ...dataArguments(config, configPath),
    ...['--samples', String(calibration.samples)],
    ...targetArguments(config),
    // A quality is sought by noise, whatever else is asked for.
    ...(allocation.quality ? [] : ['--objective', objective]),
    ...(contest ? ['--contest-rounding', contest.rounding] : []),
    ...['--widths', widths.join(',')],
    ...(groups?.length ? ['--groups', groups.map((group) => group || 'channel').join(',')] : []),
    ...(pin && Object.keys(pin).length > 0
      ? [
          '--pin',
          Object.entries(pin)
            .map((entry) => entry.join('='))
            .join(','),
        ]
      : ['--no-pin']),
    ...Object.entries(lockedBits(config)).flatMap(([name, bits]) => ['--lock', `${name}=${bits}`]),
    ...Object.entries(rules ?? {}).flatMap(([name, bits]) => [
      '--rule',
      `${name}=${[bits].flat().join(',')}`,
    ]),
    ...(ties ?? []).flatMap((patterns) => ['--tie', patterns.join(',')]),
    ...(activationWidths ? ['--act-widths', activationWidths.join(',')] : []),
    ...(activationBits && !activationWidths ? ['--act-bits', String(activationBits)] : []),
    ...(scoring.granularity === 'layer' ? [] : ['--granularity', scoring.granularity]),
    ...(scoring.centered ? [] : ['--uncentered']),
    ...(scoring.decay === 'exp' ? [] : ['--decay', scoring.decay]),
    ...(scoring.beta === 1 ? [] : ['--beta', String(scoring.beta)]),
    ...['--out', configPath],
  ];
}

function exportArguments(config: Config, configPath: string): string[] {
  return [configPath, ...(config.allocation.activationWidths ? ['--act-bits', 'config'] : [])];
}

/** Of the file that an export writes by default. */
function evalArguments(config: Config, configPath: string): string[] {
  const quantized = `${configPath.slice(0, -CONFIG_SUFFIX.length)}.quantized.onnx`;
  return [modelPathOf(config, configPath), quantized, ...dataArguments(config, configPath)];
}

function dataArguments(config: Config, configPath: string): string[] {
  const { path, seed, shapes, preprocessing, values = {}, outputs = {} } = dataOf(config, configPath);
  const { preset, mean, std, resize, layout, channels } = preprocessing;
  return [
    ...(path === null ? ['--synthetic'] : ['--data', path]),
    ...(preset ? ['--preset', preset] : []),
    ...(mean ? ['--mean', mean.join(',')] : []),
    ...(std ? ['--std', std.join(',')] : []),
    ...(resize ? ['--resize', resize] : []),
    ...(layout ? ['--layout', layout] : []),
    ...(channels ? ['--channels', channels] : []),
    ...(seed === 0 ? [] : ['--seed', String(seed)]),
    ...Object.entries(shapes).flatMap(([name, dims]) => ['--shape', `${name}=${dims.join('x')}`]),
    ...Object.entries(values).flatMap(([name, value]) => ['--value', `${name}=${value}`]),
    ...Object.entries(outputs).flatMap(([name, kind]) => ['--output', `${name}=${kind}`]),
  ];
}

/** The budget, the quality that it answers, and the limits beside it. */
function targetArguments({ allocation }: Config): string[] {
  const { budget, limits = {}, quality } = allocation;
  const main = quality
    ? ['--quality', qualityArgument(quality)]
    : 'bytes' in budget
      ? ['--size', `${budget.bytes}B`]
      : 'ratio' in budget
        ? ['--ratio', String(budget.ratio)]
        : ['--avg-bits', String(budget.averageBits)];
  const more: [keyof Limits, string, string][] = [
    ['bytes', '--size', 'B'],
    ['averageBits', '--avg-bits', ''],
    ['bops', '--bops', ''],
    ['activationBytes', '--peak-activation', 'B'],
  ];
  return [
    ...main,
    ...more.flatMap(([kind, option, unit]) =>
      limits[kind] === undefined || main[0] === option ? [] : [option, `${limits[kind]}${unit}`],
    ),
  ];
}

function qualityArgument(quality: Quality): string {
  if ('noise' in quality) return `noise<=${quality.noise}`;
  if ('kl' in quality) return `kl<=${quality.kl}`;
  return 'agreement' in quality ? `same>=${quality.agreement}` : `sqnr>=${quality.sqnrDb}`;
}

function inexpressible({ allocation, calibration }: Config): string[] {
  return [
    ...(allocation.limits?.milliseconds === undefined ? [] : ['the limit on latency (--latency-table)']),
    ...(calibration.preprocessing.crop === undefined ? [] : ['the share that is cropped']),
  ];
}

/** One word of the command, as the shell reads it. */
function quoted(text: string, shell: Shell): string {
  switch (shell) {
    case 'posix':
      return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
    // a comma makes a list, an @ a splat; what is not quoted may hold backslashes
    case 'powershell':
      return /^[\w+=:./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
    // no name of a file holds a double quote there
    case 'cmd':
      return /^[\w@+:./\\-]+$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
  }
}
