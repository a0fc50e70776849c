import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { COMMAND } from '../../src/features/ids';
import { workspaceFile } from './extension';

/** Answers to what the command would ask for, on the example. */
export function choices(averageBits = 4) {
  return {
    data: { path: workspaceFile('calibration').fsPath, preprocessing: { preset: 'cifar10' } },
    budget: { averageBits },
  };
}

/**
 * A folder of its own in the workspace, with a copy of the example's model in it. Its description (ModelProto field 6)
 * differs from every other copy's, so that no cache knows it.
 */
export function copyOfModel(): vscode.Uri {
  const source = workspaceFile('resnet_cifar10.onnx').fsPath;
  mkdirSync(workspaceFile('copies').fsPath, { recursive: true });
  const folder = mkdtempSync(workspaceFile('copies/').fsPath);
  const description = Buffer.from(basename(folder));
  const bytes = Buffer.concat([readFileSync(source), Buffer.of(0x32, description.length), description]);
  writeFileSync(join(folder, basename(source)), bytes);
  return vscode.Uri.file(join(folder, basename(source)));
}

/** "Quantize with OMPQ" without questions; resolves to the config's path, or undefined when it failed. */
export function quantize(model: vscode.Uri, answers = choices()): Thenable<string | undefined> {
  return vscode.commands.executeCommand<string | undefined>(COMMAND.quantize, model, answers);
}
