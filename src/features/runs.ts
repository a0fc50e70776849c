/** Runs of the history: made from what the engine replies, and two of them side by side. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { formatSize } from '../common/sizes';
import type { Evaluation } from '../config/measured';
import type { BitWidth } from '../core/problem/widths';
import type { EvaluateReply } from '../engine/protocol';
import { qualityText } from './announce';
import type { Run } from './history';
import { escaped } from './reports';

/** What is kept of a reply about a model with these bits. */
export function evaluationOf(
  { against, models, samples, dataDescription }: EvaluateReply,
  bits: BitWidth[],
  rounding: string,
): Evaluation {
  const [float, quantized] = models;
  const sqnrDb = against?.sqnrDb ?? null;
  return {
    bits,
    agreement: against?.agreement ?? null,
    kl: against?.kl ?? null,
    sqnrDb: sqnrDb !== null && Number.isFinite(sqnrDb) ? sqnrDb : null,
    top1: float.top1 !== null && quantized.top1 !== null ? [float.top1, quantized.top1] : null,
    bytes: quantized.bytes,
    samples,
    data: dataDescription,
    rounding,
    date: new Date().toISOString(),
  };
}

/** "resnet.quantized.onnx" or "resnet.ompq.json (measured)". */
export function nameOf({ kind, file, config }: Run): string {
  if (file) return basename(file);
  return kind === 'measure' ? vscode.l10n.t('{0} (measured)', config) : config;
}

/** A line about a run; the quality first. */
export function describe(run: Run): string {
  const date = new Date(run.date).toLocaleString(vscode.env.language, {
    dateStyle: 'short',
    timeStyle: 'short',
  });
  return [qualityText(run), formatSize(run.bytes), date].filter((part) => part !== null).join(' · ');
}

/** @param names of the model's functions; used where both runs know their bits */
export function comparison(a: Run, b: Run, names: readonly string[]): string {
  const percent = (value: number | null | undefined): string =>
    value === null || value === undefined ? '-' : `${(100 * value).toFixed(2)} %`;
  const rows: [string, (run: Run) => string][] = [
    [vscode.l10n.t('date'), ({ date }) => new Date(date).toLocaleString(vscode.env.language)],
    [vscode.l10n.t('config'), ({ config }) => config],
    [vscode.l10n.t('size'), ({ bytes }) => formatSize(bytes)],
    [vscode.l10n.t('same answer'), ({ agreement }) => percent(agreement)],
    [vscode.l10n.t('KL divergence'), ({ kl }) => kl?.toPrecision(3) ?? '-'],
    ['SQNR', ({ sqnrDb }) => (sqnrDb === null ? '-' : `${sqnrDb.toFixed(1)} dB`)],
    ['top-1', ({ top1 }) => percent(top1?.[1])],
    [vscode.l10n.t('rounding'), ({ rounding }) => rounding],
    [vscode.l10n.t('activations'), ({ activationBits }) => activations(activationBits)],
    [vscode.l10n.t('data'), ({ samples, data }) => `${samples}: ${data}`],
  ];
  const line = (cells: string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [
    `# ${vscode.l10n.t('Two runs side by side')}`,
    '',
    line(['', nameOf(a), nameOf(b)]),
    '|---|---:|---:|',
    ...rows.map(([label, value]) => line([label, value(a), value(b)])),
    '',
    ...changedLayers(a, b, names, line),
    '',
  ].join('\n');
}

function changedLayers(
  a: Run,
  b: Run,
  names: readonly string[],
  line: (cells: string[]) => string,
): string[] {
  if (a.bits.length !== names.length || b.bits.length !== names.length) {
    return [vscode.l10n.t('The bits of at least one of them are not known.')];
  }
  const rows = names.flatMap((name, i) =>
    a.bits[i] === b.bits[i] ? [] : [[name, String(a.bits[i]), String(b.bits[i])]],
  );
  if (rows.length === 0) return [vscode.l10n.t('Every layer has the same bits.')];
  const title = vscode.l10n.t('Layers with other bits: {0} of {1}', rows.length, names.length);
  return [`## ${title}`, '', line([vscode.l10n.t('layer'), 'A', 'B']), '|---|---:|---:|', ...rows.map(line)];
}

const activations = (bits: number | undefined): string =>
  bits === undefined ? vscode.l10n.t('float') : vscode.l10n.t('{0} bits', bits);
