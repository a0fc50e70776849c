/** A report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere. */
import { LIGHT } from '../../config/bitColours';
import { findings, LAYER_HEAD, layerRows, type Row, settings, summary } from './facts';
import type { Report } from './gather';

const WIDTH = 960;
const HEIGHT = 180;
const ORM_SIDE = 420;

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1b1f24;background:#fff}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #d0d7de;text-align:left;overflow-wrap:anywhere}
td+td,th+th{font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}`;

export function reportAsHtml(report: Report): string {
  const { config, curve, orm } = report;
  const said = findings(report);
  const title = `Quantization of ${escaped(config.model.file)}`;
  const parts = [
    `<h1>${title}</h1>`,
    table(null, summary(report)),
    '<h2>Bits of every layer</h2>',
    bitMap(report),
    ...(curve.length > 1 ? ['<h2>Size and bits</h2>', curvePicture(report)] : []),
    ...(orm
      ? ['<h2>Orthogonality between layers (dark: alike)</h2>', ormPicture(orm, config.functions.length)]
      : []),
    ...(said.length > 0
      ? [
          '<h2>What stands out</h2>',
          `<ul>${said.map((each) => `<li><b>${escaped(each.name)}</b>: ${escaped(each.text)}</li>`).join('')}</ul>`,
        ]
      : []),
    '<h2>Layers</h2>',
    table(LAYER_HEAD, layerRows(report)),
    '<h2>Settings</h2>',
    table(null, settings(report)),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title><style>${STYLE}</style></head>
<body>
${parts.join('\n')}
</body></html>
`;
}

/** One bar a layer, in network order: as high as its bits, as wide as all others. */
function bitMap({ config }: Report): string {
  const step = WIDTH / config.functions.length;
  const bars = config.functions.map((f, i) => {
    const height = (Math.min(f.bits, 8) / 8) * HEIGHT;
    const label = escaped(`${f.name}: ${f.bits} bits, ${f.bytes} bytes`);
    return `<rect x="${fixed(i * step)}" y="${fixed(HEIGHT - height)}" width="${fixed(Math.max(step * 0.9, step - 2))}" height="${fixed(height)}" fill="${LIGHT[f.bits]}"><title>${label}</title></rect>`;
  });
  const used = [...new Set(config.functions.map((f) => f.bits))].sort((a, b) => a - b);
  const legend = used.map(
    (bits, i) =>
      `<rect x="${i * 80}" y="${HEIGHT + 12}" width="12" height="12" fill="${LIGHT[bits]}"/><text x="${i * 80 + 18}" y="${HEIGHT + 22}" font-size="12">${bits} bits</text>`,
  );
  return picture(WIDTH, HEIGHT + 30, 'Bits of every layer in network order', [...bars, ...legend]);
}

function curvePicture({ curve, config }: Report): string {
  const [left, bottom] = [60, 24];
  const most = Math.max(...curve.map((p) => p.bytes), config.totals.bytes);
  const least = Math.min(...curve.map((p) => p.bytes), config.totals.bytes);
  const x = (bytes: number): number =>
    left + ((WIDTH - left - 20) * (bytes - least)) / Math.max(1, most - least);
  const y = (bits: number): number => (HEIGHT - bottom) * (1 - Math.min(bits, 8) / 8) + 4;
  const line = curve.map((p) => `${fixed(x(p.bytes))},${fixed(y(p.averageBits))}`).join(' ');
  const { bytes, averageBits } = config.totals;
  return picture(WIDTH, HEIGHT, 'Average bits over the size of the file', [
    `<polyline points="${line}" fill="none" stroke="#1f6feb" stroke-width="2"/>`,
    `<circle cx="${fixed(x(bytes))}" cy="${fixed(y(averageBits))}" r="5" fill="#cf222e"><title>this config: ${bytes} bytes, ${averageBits} bits</title></circle>`,
    ...[2, 4, 6, 8].map((bits) => `<text x="0" y="${fixed(y(bits) + 4)}" font-size="12">${bits} bits</text>`),
    `<text x="${left}" y="${HEIGHT - 4}" font-size="12">${least} bytes</text>`,
    `<text x="${WIDTH - 20}" y="${HEIGHT - 4}" font-size="12" text-anchor="end">${most} bytes</text>`,
  ]);
}

function ormPicture(orm: Float64Array, count: number): string {
  const side = ORM_SIDE / count;
  const cells: string[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      const shade = Math.round(255 * (1 - Math.min(1, Math.max(0, orm[i * count + j]))));
      cells.push(
        `<rect x="${fixed(j * side)}" y="${fixed(i * side)}" width="${fixed(side + 0.5)}" height="${fixed(side + 0.5)}" fill="rgb(${shade},${shade},255)"/>`,
      );
    }
  }
  return picture(ORM_SIDE, ORM_SIDE, 'Orthogonality matrix of the layers', cells);
}

function picture(width: number, height: number, label: string, inside: string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${label}">${inside.join('')}</svg>`;
}

function table(head: Row | null, rows: Row[]): string {
  const cells = (row: Row, tag: string): string =>
    `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${head ? `<thead>${cells(head, 'th')}</thead>` : ''}<tbody>${rows.map((row) => cells(row, 'td')).join('')}</tbody></table>`;
}

const fixed = (value: number): string => String(Number(value.toFixed(2)));

/** Names come from the model: they must not become markup. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
