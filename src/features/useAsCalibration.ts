/** "Use as Calibration Data": the way to a config that begins at the data. */
import * as vscode from 'vscode';
import { holdsData } from '../calibration/open';
import { pickModelFor } from './pickModel';
import { quantizeCommand } from './quantize';
import type { Services } from './services';

/** @param data a folder, a .npy or a .npz; @param model undefined: the only one of the workspace, or one that is picked */
export async function useAsCalibration(
  services: Services,
  data?: vscode.Uri,
  model?: vscode.Uri,
): Promise<string | undefined> {
  if (!data) return quantizeCommand(services, model);
  if (!(await holdsData(data.fsPath))) {
    throw new Error(
      vscode.l10n.t(
        '{0} holds no calibration data: a folder of pictures or of .npy files, ONNX test sets, a .npy or a .npz is wanted.',
        data.fsPath,
      ),
    );
  }
  const chosen = model ?? (await pickModelFor(data));
  return chosen && quantizeCommand(services, chosen, { path: data.fsPath });
}
