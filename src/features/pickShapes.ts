/** Asking for the sizes that a model leaves open and the data cannot tell. */
import * as vscode from 'vscode';
import type { MissingSizes } from '../calibration/inputs/openSizes';

/** undefined: the user pressed Escape. */
export async function pickShapes(
  open: MissingSizes[],
  last: Record<string, number[]> | undefined,
): Promise<Record<string, number[]> | undefined> {
  const shapes: Record<string, number[]> = {};
  for (const input of open) {
    const text = await vscode.window.showInputBox({
      title: vscode.l10n.t('Shape of the input "{0}"', input.name),
      prompt: vscode.l10n.t(
        'The model leaves sizes open: {0}',
        input.shape.map((d) => (d === '' ? '?' : d)).join('x'),
      ),
      value: (last?.[input.name] ?? input.suggestion).join('x'),
      ignoreFocusOut: true,
      validateInput: (value) => (parseShape(value, input) ? undefined : shapeHint(input)),
    });
    const shape = text === undefined ? null : parseShape(text, input);
    if (!shape) return undefined;
    shapes[input.name] = shape;
  }
  return shapes;
}

function parseShape(text: string, input: MissingSizes): number[] | null {
  const dims = text.split(/[x,]/i).map(Number);
  const fits =
    dims.length === input.shape.length &&
    dims.every(
      (d, i) =>
        Number.isInteger(d) &&
        d >= 1 &&
        (i === 0 || typeof input.shape[i] !== 'number' || d === input.shape[i]),
    );
  return fits ? dims : null;
}

function shapeHint(input: MissingSizes): string {
  return vscode.l10n.t('It has {0} sizes, like {1}.', input.shape.length, input.suggestion.join('x'));
}
