/** "OMPQ: Doctor": what this machine offers, in the log and as a page. */
import { describeProducts } from '../common/integerProduct';
import * as vscode from 'vscode';
import { formatSize } from '../common/sizes';
import type { DoctorReply } from '../engine/protocol';
import { doctorLines } from '../pipeline/doctorReport';
import { withProgress } from './progress';
import { escaped } from './reports';
import type { Services } from './services';

export async function doctor(services: Services): Promise<DoctorReply> {
  const { context, engine, log } = services;
  const { version } = context.extension.packageJSON as { version: string };
  const reply = await withProgress(vscode.l10n.t('Looking at this machine'), (options) =>
    engine.request({ kind: 'doctor' }, options),
  );
  const where = vscode.env.remoteName ? ` (${vscode.env.remoteName})` : '';
  const versions = { OMPQ: version, 'VS Code': `${vscode.version}${where}` };
  log.info(`Doctor:\n${doctorLines(reply, versions).join('\n')}`);
  await services.reports.show(vscode.l10n.t('OMPQ Doctor'), page(reply, versions));
  return reply;
}

function page(reply: DoctorReply, own: Record<string, string>): string {
  const { providers, versions, system, processor, integerProducts, memory, driver } = reply;
  const table = (rows: [string, string][]): string[] => [
    '| | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${escaped(name)} | ${escaped(value)} |`),
    '',
  ];
  return [
    `# ${vscode.l10n.t('What this machine offers')}`,
    '',
    vscode.l10n.t('Devices, in the order in which "auto" tries them after the CPU:'),
    '',
    '| | | |',
    '|---|---|---|',
    ...providers.map(({ provider, works, device, note, fix }) => {
      const said = [works ? device : null, note, fix].flatMap((text) => text ?? []).map(escaped);
      return `| ${works ? '✓' : '✗'} | **${provider}** | ${said.join('<br>')} |`;
    }),
    '',
    `## ${vscode.l10n.t('Machine')}`,
    '',
    ...table([
      [vscode.l10n.t('System'), system],
      [vscode.l10n.t('Processor'), processor],
      [vscode.l10n.t('Products of 8-bit integers'), describeProducts(integerProducts)],
      [
        vscode.l10n.t('Memory'),
        vscode.l10n.t(
          '{0}, {1} free; the engine takes half of that unless the setting ompq.memoryLimit says otherwise',
          formatSize(memory.total),
          formatSize(memory.free),
        ),
      ],
      [vscode.l10n.t('Driver'), driver ?? vscode.l10n.t('none found that tells its version')],
    ]),
    `## ${vscode.l10n.t('Versions')}`,
    '',
    ...table(Object.entries({ ...own, ...versions })),
  ].join('\n');
}
