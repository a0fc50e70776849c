/** A report as Markdown. */
import { findings, LAYER_HEAD, layerRows, type Row, settings, summary } from './facts';
import type { Report } from './gather';
import { bitMapText, ormText } from './textPictures';

export function reportAsMarkdown(report: Report): string {
  const { config, curve, orm } = report;
  const said = findings(report);
  return [
    `# Quantization of ${text(config.model.file)}`,
    ...table(['', ''], summary(report)),
    '## Bits',
    fenced(bitMapText(config.functions.map((f) => f.bits))),
    ...table(LAYER_HEAD, layerRows(report)),
    ...(said.length > 0
      ? ['## What stands out', said.map((each) => `- **${text(each.name)}**: ${text(each.text)}`).join('\n')]
      : []),
    ...(curve.length > 0
      ? [
          '## Sizes',
          ...table(
            ['bytes', 'bits on average'],
            curve.map((p) => [String(p.bytes), p.averageBits.toFixed(3)]),
          ),
        ]
      : []),
    ...(orm
      ? [
          '## Orthogonality',
          'How alike the outputs of every two layers are, in the order of the network: blank is orthogonal, full the same.',
          fenced(ormText(orm, config.functions.length)),
        ]
      : []),
    '## Settings',
    ...table(['', ''], settings(report)),
    '',
  ].join('\n\n');
}

const fenced = (lines: string): string => `\`\`\`text\n${lines}\n\`\`\``;

function table(head: Row, rows: Row[]): string[] {
  const line = (cells: Row): string => `| ${cells.map(text).join(' | ')} |`;
  return [[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')];
}

/** Names come from the model: they must not become markup. */
const text = (value: string): string =>
  value.replace(/[\\|`*_<>[\]]/g, (c) => (c === '-' ? c : `\\${c}`)).replace(/\s+/g, ' ');
