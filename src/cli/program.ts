/** The commands of `ompq`, one line each; every command lives in its own file. */
import { Command } from 'commander';
import { version } from '../../package.json';
import { compareCommand } from './compare';
import { doctorCommand } from './doctor';
import { evalCommand } from './eval';
import { exportCommand } from './export';
import { optionDescription } from './help';
import { explainCommand } from './explain';
import { importCommand } from './import';
import { inspectCommand } from './inspect';
import { latencyCommand } from './latency';
import { mcpCommand } from './mcp';
import { mergeCommand } from './merge';
import { paretoCommand } from './pareto';
import { quantizeCommand } from './quantize';
import { reportCommand } from './report';
import { runCommand } from './run/run';
import { scoreCommand } from './score';

export function program(): Command {
  return (
    new Command('ompq')
      .description(
        'Decides how many bits each layer of an ONNX model deserves (OMPQ, AAAI 2023), and exports the quantized model.',
      )
      .version(version)
      // What follows the name of a command that "run" splits is that command's own.
      .enablePositionalOptions()
      .addCommand(configured(inspectCommand()))
      .addCommand(configured(scoreCommand()))
      .addCommand(configured(quantizeCommand()))
      .addCommand(configured(latencyCommand()))
      .addCommand(configured(paretoCommand()))
      .addCommand(configured(exportCommand()))
      .addCommand(configured(importCommand()))
      .addCommand(configured(evalCommand()))
      .addCommand(configured(mergeCommand()))
      .addCommand(configured(runCommand()))
      .addCommand(configured(explainCommand()))
      .addCommand(configured(compareCommand()))
      .addCommand(configured(reportCommand()))
      .addCommand(configured(mcpCommand()))
      .addCommand(configured(doctorCommand()))
      .exitOverride()
  );
}

function configured(command: Command): Command {
  return command
    .exitOverride()
    .showHelpAfterError('(--help lists the options)')
    .configureHelp({ showGlobalOptions: true, optionDescription });
}
