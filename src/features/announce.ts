/** What is told when a config was made: its measured quality first. */
import * as vscode from 'vscode';
import { formatSize, formatAverage } from '../common/sizes';
import type { Config } from '../config/types';
import {
  type Evaluation,
  type Measured,
  measuredOf,
  remedyOf,
  sameBits,
  verdictOf,
} from '../config/measured';
import { formatSqnr } from '../config/quality';
import type { QuantizeResult } from '../pipeline/quantize';
import { unlinked } from '../common/printable';
import { COMMAND } from './ids';

/** "2.1 % of the answers change"; null where nothing is measured. */
export function qualityText({ agreement, kl, sqnrDb }: Measured): string | null {
  if (agreement !== null) {
    if (agreement === 1) return vscode.l10n.t('no answer changes');
    return vscode.l10n.t('{0} % of the answers change', (100 * (1 - agreement)).toFixed(1));
  }
  if (sqnrDb !== null) return vscode.l10n.t('{0} signal over noise', formatSqnr(sqnrDb));
  return kl === null ? null : vscode.l10n.t('KL divergence {0}', kl.toPrecision(3));
}

/** In one sentence what the config's bits do to the answers, and what would mend it. */
export function judgement(
  { contest, functions }: Config,
  evaluations: readonly Evaluation[] = [],
): { text: string; isPoor: boolean } | null {
  const bits = functions.map((f) => f.bits);
  const measured = evaluations.find((each) => sameBits(each.bits, bits)) ?? measuredOf(contest, bits);
  const text = measured && qualityText(measured);
  if (!measured || !text) return null;
  const isPoor = verdictOf(measured) === 'poor';
  const remedy = isPoor ? remedyOf(contest, measured.bytes) : null;
  if (!remedy) return { text, isPoor };
  return {
    text: vscode.l10n.t(
      '{0}; at {1} bits {2}',
      text,
      remedy.averageBits.toFixed(1),
      qualityText(remedy) ?? '',
    ),
    isPoor,
  };
}

export function announce({ config, scored }: Pick<QuantizeResult, 'config' | 'scored'>): void {
  const size = vscode.l10n.t(
    '{0} to {1}, {2} bits on average.',
    formatSize(config.model.bytes),
    formatSize(config.totals.bytes),
    formatAverage(config.totals.averageBits),
  );
  const quality = judgement(config);
  const sentences = [
    quality ? vscode.l10n.t('{0}: {1}.', config.model.file, quality.text) : `${config.model.file}:`,
    size,
  ];
  if (scored.score.synthetic) {
    sentences.push(
      vscode.l10n.t('Scored on synthetic input: quantize again with real data before you rely on it.'),
    );
  }
  const text = unlinked(sentences.join(' '));
  if (!quality?.isPoor && !scored.score.synthetic) {
    void vscode.window.showInformationMessage(text);
    return;
  }
  void offerMore(text, quality?.isPoor ?? false);
}

/** Not awaited: the answer may never come. */
async function offerMore(text: string, isPoor: boolean): Promise<void> {
  const show = vscode.l10n.t('Open Bit Map');
  const choice = isPoor
    ? await vscode.window.showWarningMessage(text, show)
    : await vscode.window.showWarningMessage(text);
  if (choice === show) await vscode.commands.executeCommand(COMMAND.openBitMap);
}
