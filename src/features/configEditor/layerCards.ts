/** Hover over a function's line: what the layer is, and what every width would cost it. */
import * as vscode from 'vscode';
import { formatSize } from '../../common/sizes';
import { type Config, NOISE_WIDTHS } from '../../config/config';
import { COMMAND } from '../ids';
import { escaped } from '../reports';
import { isConfigDocument, parseDocument, rangeOf } from './documents';

export class LayerCards implements vscode.HoverProvider {
  provideHover(document: vscode.TextDocument, position: vscode.Position): vscode.Hover | null {
    if (!isConfigDocument(document)) return null;
    const { config, located } = parseDocument(document);
    const place = located?.functions.find((f) => rangeOf(document, f.span).contains(position));
    const entry = config?.functions.find((f) => f.name === place?.name);
    if (!config || !place || !entry) return null;
    const card = new vscode.MarkdownString(cardOf(entry, config, document.uri), true);
    card.isTrusted = { enabledCommands: [COMMAND.openBitMap] };
    return new vscode.Hover(card, rangeOf(document, place.span));
  }
}

function cardOf(f: Config['functions'][number], { totals }: Config, uri: vscode.Uri): string {
  const args = encodeURIComponent(JSON.stringify([uri, f.name]));
  const facts = [
    vscode.l10n.t('{0} bits', f.bits),
    formatSize(f.bytes),
    vscode.l10n.t('{0} % of the file', ((100 * f.bytes) / Math.max(1, totals.bytes)).toFixed(1)),
    vscode.l10n.t('{0} parameters', f.params.toLocaleString('en-US')),
  ];
  if (f.lock) facts.push(vscode.l10n.t('locked'));
  return [
    `**${escaped(f.name)}**`,
    '',
    facts.join(' · '),
    '',
    vscode.l10n.t('Layers: {0}', escaped(f.layers.join(', '))),
    '',
    ...noiseTable(f),
    `[${vscode.l10n.t('Reveal in bit map')}](command:${COMMAND.openBitMap}?${args})`,
  ].join('\n');
}

/** Bytes of codes and noise at each width; nothing where no noise was measured. */
function noiseTable({ noise, params, bits }: Config['functions'][number]): string[] {
  if (!noise) return [];
  const rows = NOISE_WIDTHS.map((width, i) => {
    const name = width === bits ? `**${width}**` : String(width);
    const decibels = noise[i] > 0 ? `${(-10 * Math.log10(noise[i])).toFixed(1)} dB` : '-';
    return `| ${name} | ${formatSize(Math.ceil((params * width) / 8))} | ${decibels} |`;
  });
  const head = [vscode.l10n.t('bits'), vscode.l10n.t('weights'), vscode.l10n.t('signal over its noise')];
  return [`| ${head.join(' | ')} |`, '|---:|---:|---:|', ...rows, ''];
}
