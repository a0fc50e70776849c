/** What a report says in words, the same in every form of it. */
import { formatSize, formatAverage } from '../../common/sizes';
import { formatBudget } from '../../config/budget';
import { decidedBy, winnerOf } from '../../config/winner';
import type { Report } from './gather';

export type Row = string[];

const percent = (value: number, digits = 1): string => `${(100 * value).toFixed(digits)} %`;
const decibels = (value: number | null): string =>
  value === null || !Number.isFinite(value) ? 'no error' : `${value.toFixed(1)} dB`;

/** Label and value of what matters first: size, bits, and measured quality. */
export function summary({ config, evaluation, pins }: Report): Row[] {
  const { model, totals, allocation, contest } = config;
  const winner = winnerOf(contest);
  const isMeasured = winner?.bits.join() === config.functions.map((f) => f.bits).join();
  const against = evaluation?.against;
  return [
    ['Model', `${model.file}, ${formatSize(model.bytes)}`],
    [
      'Quantized',
      `${formatSize(totals.bytes)} (1/${(model.bytes / totals.bytes).toFixed(2)}), ${formatAverage(totals.averageBits)} bits on average`,
    ],
    ['Budget', formatBudget(allocation.budget)],
    ...(pins
      ? [
          [
            'Pinned',
            `${formatSize(pins.bytes)}, ${percent(pins.share)} of the weight bytes; the others have ${pins.otherBits.toFixed(2)} bits on average`,
          ],
        ]
      : []),
    ...(against
      ? [
          [
            'Exported model against the original',
            [
              against.agreement === null ? null : `same answer on ${percent(against.agreement)}`,
              against.kl === null ? null : `KL divergence ${against.kl.toPrecision(3)}`,
              `SQNR ${decibels(against.sqnrDb)}`,
              `${evaluation.samples} ${evaluation.synthetic ? 'SYNTHETIC ' : ''}samples`,
            ]
              .filter((part) => part !== null)
              .join(', '),
          ],
        ]
      : []),
    ...(winner && isMeasured
      ? [
          [
            `Contest, rounded with ${contest!.rounding}`,
            [
              winner.agreement === null ? null : `same answer on ${percent(winner.agreement)}`,
              winner.kl === null ? null : `KL divergence ${winner.kl.toPrecision(3)}`,
              winner.sqnrDb === null ? null : `SQNR ${decibels(winner.sqnrDb)}`,
              `${contest!.samples} samples`,
            ]
              .filter((part) => part !== null)
              .join(', '),
          ],
        ]
      : []),
  ];
}

export function settings({ config }: Report): Row[] {
  const { allocation, calibration, scoring } = config;
  const end = (pin: number | string | undefined): string => (pin === undefined ? 'searched' : String(pin));
  return [
    ['Objective', `${allocation.objective}, decided by ${decidedBy(config)}`],
    ['Widths', allocation.widths.join(', ')],
    [
      'Pins',
      allocation.pin ? `first ${end(allocation.pin.first)}, last ${end(allocation.pin.last)}` : 'none',
    ],
    ['Calibration', `${calibration.samples} samples, ${calibration.path ?? 'synthetic input'}`],
    ...(calibration.preparation ? [['Preparation', calibration.preparation]] : []),
    [
      'Scored as',
      `${scoring.granularity}, ${scoring.centered ? 'centred' : 'not centred'}, on ${scoring.provider}`,
    ],
    ['Model SHA-256', config.model.sha256],
  ];
}

export const LAYER_HEAD = ['layer', 'bits', 'weights', 'bytes', 'share of noise', 'SQNR of its output'];

export function layerRows({ config, layers, evaluation }: Report): Row[] {
  const measured = new Map((evaluation?.layers ?? []).map((layer) => [layer.name, layer.sqnrDb]));
  return layers.map((layer, i) => [
    layer.name,
    String(layer.bits),
    String(config.functions[i].params),
    formatSize(layer.bytes),
    layer.noiseShare === null ? '-' : percent(layer.noiseShare, 2),
    measured.has(layer.name) ? decibels(measured.get(layer.name)!) : '-',
  ]);
}

/** Layers with something to be said of them, the noisiest first. */
export function findings({ layers }: Report, most = 20): { name: string; text: string }[] {
  return [...layers]
    .filter((layer) => layer.findings.length > 0)
    .sort((a, b) => (b.noiseShare ?? 0) - (a.noiseShare ?? 0))
    .slice(0, most)
    .map(({ name, why, findings: all }) => ({
      name,
      text: [why, ...all.map(({ problem, remedy }) => `${problem} ${remedy}`)].join(' '),
    }));
}
