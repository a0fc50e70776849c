/** Asking how small the file must get, with the sizes that each answer means. */
import * as vscode from 'vscode';
import { formatSize, parseSize } from '../common/sizes';
import { type BudgetSpec, formatBudget, WHOLE } from '../config/budget';
import { formatQuality, parseQuality } from '../config/quality';
import type { Quality } from '../config/types';
import type { InspectReply } from '../engine/protocol';
import { type AllocationSettings } from '../pipeline/settings';
import { estimatedBytes, smallestBytes } from '../pipeline/sizes';
import { pickOne, separator } from './pickOne';
import { type Asked, askInTurn, askText } from './wizard';

/** A size, or a quality whose smallest file is sought. */
export interface Target {
  budget: BudgetSpec;
  quality?: Quality;
}

interface TargetItem extends vscode.QuickPickItem {
  /** Where it is known before asking. */
  target?: Target;
  choose(): Promise<Target | undefined>;
}

const AVERAGES = [8, 6, 5, 4, 3.5, 3, 2.5];

/** Offered first where there is no last time. */
const USUAL: Target = { budget: { averageBits: 4 } };

/** undefined: the user pressed Escape. */
export async function pickBudget(
  inspect: InspectReply,
  settings: Omit<AllocationSettings, 'budget'>,
  last: Target | undefined,
): Promise<Target | undefined> {
  const smallest = smallestBytes(inspect, settings);
  const answers = inspect.outputs.some(({ kind }) => kind === 'classes' || kind === 'labels');
  const averages = AVERAGES.flatMap((averageBits): TargetItem[] => {
    const bytes = estimatedBytes(inspect, averageBits);
    if (bytes < smallest) return [];
    const target = { budget: { averageBits } };
    return [
      {
        target,
        label: vscode.l10n.t('{0} bits on average', averageBits),
        description: vscode.l10n.t(
          'about {0} (1/{1})',
          formatSize(bytes),
          (inspect.bytes / bytes).toFixed(1),
        ),
        choose: () => Promise.resolve(target),
      },
    ];
  });
  const others: TargetItem[] = [
    {
      label: `$(edit) ${vscode.l10n.t('A file size...')}`,
      description: vscode.l10n.t('e.g. 1.5MB'),
      choose: () => askSize(smallest, inspect.bytes),
    },
    {
      label: `$(edit) ${vscode.l10n.t('A ratio...')}`,
      description: vscode.l10n.t('e.g. 8 for one eighth of the float model'),
      choose: () => askRatio(smallest, inspect.bytes),
    },
    {
      label: `$(edit) ${vscode.l10n.t('A quality...')}`,
      description: answers
        ? vscode.l10n.t('e.g. same>=99% for the smallest file that gives 99 % of the answers')
        : vscode.l10n.t('e.g. sqnr>=20 for the smallest file with 20 dB of signal over noise'),
      choose: () => askQuality(answers),
    },
  ];
  if (last && !averages.some((item) => isSame(item.target, last))) {
    others.unshift({ label: formatTarget(last), target: last, choose: () => Promise.resolve(last) });
  }
  const active = [...averages, ...others].find((item) => isSame(item.target, last ?? USUAL));
  const options = {
    title: vscode.l10n.t('Quantize with OMPQ: budget'),
    placeholder: vscode.l10n.t(
      'The float model is {0}; the smallest possible file is {1}',
      formatSize(inspect.bytes),
      formatSize(smallest),
    ),
    active,
    canGoBack: true,
  };
  let chosen: TargetItem | undefined;
  let target: Target | undefined;
  const asked = (answer: unknown): Asked => (answer === undefined ? 'escaped' : 'answered');
  await askInTurn([
    async () => asked((chosen = await pickOne([...averages, separator, ...others], options))),
    async () => asked((target = await chosen?.choose())),
  ]);
  return target;
}

async function askSize(smallest: number, original: number): Promise<Target | undefined> {
  const text = await askText({
    title: vscode.l10n.t('Size of the quantized file'),
    prompt: vscode.l10n.t('Between {0} and {1}', formatSize(smallest), formatSize(original)),
    validate: (value) => {
      const bytes = parseSize(value);
      if (bytes === null) return vscode.l10n.t('Expected a size such as 1.5MB, 900KB or 1.5MiB.');
      return tooSmall(bytes, smallest);
    },
  });
  const bytes = text === undefined ? null : parseSize(text);
  return bytes === null ? undefined : { budget: { bytes } };
}

async function askRatio(smallest: number, original: number): Promise<Target | undefined> {
  const text = await askText({
    title: vscode.l10n.t('Float file size / quantized file size'),
    prompt: vscode.l10n.t('Up to {0}', (Math.floor((original / smallest) * 100) / 100).toFixed(2)),
    validate: (value) => {
      const ratio = Number(value);
      if (!(ratio >= 1)) return vscode.l10n.t('Expected a number of at least 1.');
      return tooSmall(Math.floor(original / ratio), smallest);
    },
  });
  return text === undefined ? undefined : { budget: { ratio: Number(text) } };
}

/** @param answers the model has scores of classes, so that its answers can be compared */
async function askQuality(answers: boolean): Promise<Target | undefined> {
  const text = await askText({
    title: vscode.l10n.t('Quality of the quantized model'),
    prompt: answers
      ? vscode.l10n.t(
          'same>=99%: as many answers like the float model’s; sqnr>=20: dB of signal over noise; kl<=0.05: nats of KL divergence',
        )
      : vscode.l10n.t('sqnr>=20: dB of signal over noise; the model gives no answers that could be counted'),
    validate: (value) => {
      const quality = parseQuality(value);
      const isKnown = quality && (answers || 'sqnrDb' in quality || 'noise' in quality);
      if (isKnown) return undefined;
      return answers
        ? vscode.l10n.t('Expected same>=99%, sqnr>=20, kl<=0.05 or noise<=0.3.')
        : vscode.l10n.t('Expected sqnr>=20 or noise<=0.3.');
    },
  });
  const quality = text === undefined ? null : parseQuality(text);
  return quality ? { budget: WHOLE, quality } : undefined;
}

function formatTarget({ budget, quality }: Target): string {
  return quality ? vscode.l10n.t('Smallest file with {0}', formatQuality(quality)) : formatBudget(budget);
}

function tooSmall(bytes: number, smallest: number): string | undefined {
  return bytes < smallest
    ? vscode.l10n.t('The smallest possible file with these widths and pins is {0}.', formatSize(smallest))
    : undefined;
}

function isSame(a: Target | undefined, b: Target): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
