/** The allocation as text for the clipboard. Pure. */
import type { BitWidth } from '../src/core/problem/widths';
import type { PanelFunction } from './protocol';
import { t } from './l10n';

export interface Allocated {
  function: PanelFunction;
  bits: BitWidth;
}

export const TEXT_FORMATS = [
  { id: 'json', label: t('JSON (name: bits)'), text: asJson },
  { id: 'list', label: t('List of bits'), text: asList },
  { id: 'csv', label: 'CSV', text: asCsv },
  { id: 'markdown', label: t('Markdown table'), text: asMarkdown },
] as const;

function asJson(rows: readonly Allocated[]): string {
  return JSON.stringify(Object.fromEntries(rows.map((r) => [r.function.name, r.bits])), null, 2);
}

function asList(rows: readonly Allocated[]): string {
  return `[${rows.map((r) => r.bits).join(', ')}]`;
}

const HEAD = ['name', 'op', 'params', 'macs', 'gamma', 'bits', 'bytes'];

function cells({ function: f, bits }: Allocated): string[] {
  return [f.name, f.op, f.params, f.macs ?? '', f.gamma ?? '', bits, f.bytes[bits] ?? ''].map(String);
}

function asCsv(rows: readonly Allocated[]): string {
  const quoted = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [HEAD, ...rows.map(cells)].map((line) => line.map(quoted).join(',')).join('\n');
}

function asMarkdown(rows: readonly Allocated[]): string {
  const line = (texts: string[]): string => `| ${texts.map((t) => t.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(HEAD), line(HEAD.map(() => '---')), ...rows.map((r) => line(cells(r)))].join('\n');
}
