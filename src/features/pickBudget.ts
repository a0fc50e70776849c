/** Asking how small the file must get, with the sizes that each answer means. */
import * as vscode from 'vscode';
import { formatSize, parseSize } from '../common/sizes';
import { type BudgetSpec, formatBudget } from '../config/budget';
import type { InspectReply } from '../engine/protocol';
import { type AllocationSettings } from '../pipeline/settings';
import { estimatedBytes, smallestBytes } from '../pipeline/sizes';
import { pickOne, separator } from './pickOne';
import { type Asked, askInTurn, askText } from './wizard';

interface BudgetItem extends vscode.QuickPickItem {
  /** Where it is known before asking. */
  budget?: BudgetSpec;
  choose(): Promise<BudgetSpec | undefined>;
}

const AVERAGES = [8, 6, 5, 4, 3.5, 3, 2.5];

/** Offered first where there is no last time. */
const USUAL: BudgetSpec = { averageBits: 4 };

/** undefined: the user pressed Escape. */
export async function pickBudget(
  inspect: InspectReply,
  settings: Omit<AllocationSettings, 'budget'>,
  last: BudgetSpec | undefined,
): Promise<BudgetSpec | undefined> {
  const smallest = smallestBytes(inspect, settings);
  const averages = AVERAGES.flatMap((averageBits): BudgetItem[] => {
    const bytes = estimatedBytes(inspect, averageBits);
    if (bytes < smallest) return [];
    const budget = { averageBits };
    return [
      {
        budget,
        label: vscode.l10n.t('{0} bits on average', averageBits),
        description: vscode.l10n.t(
          'about {0} (1/{1})',
          formatSize(bytes),
          (inspect.bytes / bytes).toFixed(1),
        ),
        choose: () => Promise.resolve(budget),
      },
    ];
  });
  const others: BudgetItem[] = [
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
  ];
  if (last && !averages.some((item) => isSame(item.budget, last))) {
    others.unshift({ label: formatBudget(last), budget: last, choose: () => Promise.resolve(last) });
  }
  const active = [...averages, ...others].find((item) => isSame(item.budget, last ?? USUAL));
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
  let chosen: BudgetItem | undefined;
  let budget: BudgetSpec | undefined;
  const asked = (answer: unknown): Asked => (answer === undefined ? 'escaped' : 'answered');
  await askInTurn([
    async () => asked((chosen = await pickOne([...averages, separator, ...others], options))),
    async () => asked((budget = await chosen?.choose())),
  ]);
  return budget;
}

async function askSize(smallest: number, original: number): Promise<BudgetSpec | undefined> {
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
  return bytes === null ? undefined : { bytes };
}

async function askRatio(smallest: number, original: number): Promise<BudgetSpec | undefined> {
  const text = await askText({
    title: vscode.l10n.t('Float file size / quantized file size'),
    prompt: vscode.l10n.t('Up to {0}', (Math.floor((original / smallest) * 100) / 100).toFixed(2)),
    validate: (value) => {
      const ratio = Number(value);
      if (!(ratio >= 1)) return vscode.l10n.t('Expected a number of at least 1.');
      return tooSmall(Math.floor(original / ratio), smallest);
    },
  });
  return text === undefined ? undefined : { ratio: Number(text) };
}

function tooSmall(bytes: number, smallest: number): string | undefined {
  return bytes < smallest
    ? vscode.l10n.t('The smallest possible file with these widths and pins is {0}.', formatSize(smallest))
    : undefined;
}

function isSame(a: BudgetSpec | undefined, b: BudgetSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
