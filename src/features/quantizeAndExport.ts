/** "Quantize and Export": from a model to a smaller one that has been measured, without a question in between. */
import * as vscode from 'vscode';
import { freeModelPath } from '../pipeline/export';
import { exportCommand } from './export';
import { type Choices, quantizeCommand } from './quantize';
import type { Services } from './services';

/** Resolves to the written file's path, or undefined where the user pressed Escape. */
export async function quantizeAndExport(
  services: Services,
  uri?: vscode.Uri,
  given: Choices = {},
): Promise<string | undefined> {
  const path = await quantizeCommand(services, uri, given);
  if (path === undefined) return undefined;
  return exportCommand(services, vscode.Uri.file(path), {
    rounding: 'reconstruct',
    out: freeModelPath(path),
  });
}
