/** Every command, each with the module that is loaded when it first runs: activation only registers. */
import * as vscode from 'vscode';
import { COMMAND } from './ids';
import { menuArguments } from './menuArguments';
import { reported, type Services } from './services';

export function registerCommands(context: vscode.ExtensionContext, services: Services): void {
  type Run<A extends unknown[]> = (services: Services, ...args: A) => Promise<unknown>;
  const add = <A extends unknown[]>(id: string, load: () => Promise<Run<A>>, takesMany = false): void => {
    const run = (...args: A): Promise<unknown> =>
      reported(services.log, async () => (await load())(services, ...menuArguments(args, takesMany)));
    context.subscriptions.push(vscode.commands.registerCommand(id, run));
  };
  const config = () => import('./configEditor/commands');
  add(COMMAND.quantize, async () => (await import('./quantize')).quantizeCommand, true);
  add(COMMAND.quantizeAndExport, async () => (await import('./quantizeAndExport')).quantizeAndExport);
  add(COMMAND.useAsCalibration, async () => (await import('./useAsCalibration')).useAsCalibration);
  add(COMMAND.quantizeConfig, async () => (await config()).quantizeConfig);
  add(COMMAND.resolve, async () => (await config()).resolve);
  add(COMMAND.updateTotals, async () => (await config()).updateTotals);
  add(COMMAND.takeBackBits, async () => (await config()).takeBackBits);
  add(COMMAND.changeBits, async () => (await config()).changeBits);
  add(COMMAND.toggleLock, async () => (await config()).toggleLock);
  add(COMMAND.export, async () => (await import('./export')).exportCommand);
  add(COMMAND.copyAs, async () => (await import('./copyAs')).copyAs);
  add(COMMAND.evaluate, async () => (await import('./evaluate')).evaluateCommand);
  add(COMMAND.measure, async () => (await import('./measure')).measureCommand);
  add(COMMAND.measureAgain, async () => (await import('./measureAgain')).measureAgainCommand);
  add(COMMAND.trySample, async () => (await import('./sample')).trySample);
  add(COMMAND.doctor, async () => (await import('./doctor')).doctor);
  context.subscriptions.push(vscode.commands.registerCommand(COMMAND.showLog, () => services.log.show()));
}
