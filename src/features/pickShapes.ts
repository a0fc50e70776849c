/** Asking for the sizes that a model leaves open and the data cannot tell. */
import * as vscode from 'vscode';
import type { MissingSizes } from '../calibration/inputs/openSizes';
import { askInTurn, askText } from './wizard';

/** undefined: the user pressed Escape. @throws WentBack */
export async function pickShapes(
  open: MissingSizes[],
  last: Record<string, number[]> | undefined,
): Promise<Record<string, number[]> | undefined> {
  const shapes: Record<string, number[]> = {};
  const ask = async (input: MissingSizes): Promise<boolean> => {
    const text = await askText({
      title: vscode.l10n.t('Shape of the input "{0}"', input.name),
      prompt: vscode.l10n.t(
        'The model leaves sizes open: {0}',
        input.shape.map((d) => (d === '' ? '?' : d)).join('x'),
      ),
      value: (shapes[input.name] ?? last?.[input.name] ?? input.suggestion).join('x'),
      validate: (value) => (parseShape(value, input) ? undefined : shapeHint(input)),
    });
    const shape = text === undefined ? null : parseShape(text, input);
    if (shape) shapes[input.name] = shape;
    return shape !== null;
  };
  const isAnswered = await askInTurn(
    open.map((input) => async () => ((await ask(input)) ? 'answered' : 'escaped')),
  );
  return isAnswered ? shapes : undefined;
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
  return vscode.l10n.t('Expected {0} sizes, such as {1}.', input.shape.length, input.suggestion.join('x'));
}
