/** The few numbers that matter, large, quality first. (data, document) -> element. */
import { formatSize, formatAverage } from '../src/common/sizes';
import { formatQuality } from '../src/config/quality';
import { h } from './dom';
import { formatCount, formatPercent, formatSeconds, plural, significant } from './format';
import type { HeaderData } from './header';
import { t } from './l10n';
import type { PanelState } from './protocol';
import { headline, type MeasuredBits } from './quality';
import type { Totals } from './totals';
import { formatSqnr } from '../src/config/quality';

interface Tile {
  name: string;
  value: HTMLElement;
  note: string;
  title?: string;
}

export function tiles(data: HeaderData, document: Document): HTMLElement {
  const made = [qualityTile(data, document), ...sizeTiles(data, document), scoredTile(data.state, document)];
  const elements = made
    .filter((tile) => tile !== null)
    .map(({ name, value, note, title = '' }) =>
      h(
        document,
        'div',
        { class: 'tile', title },
        h(document, 'dt', {}, name),
        h(document, 'dd', {}, value, h(document, 'span', { class: 'note' }, note)),
      ),
    );
  return h(document, 'dl', { class: 'tiles' }, ...elements);
}

/** What the bits on show do to the answers: the first thing to know about them. */
function qualityTile({ totals, measured, problem }: HeaderData, document: Document): Tile | null {
  if (!totals) return null;
  const name = t('Quality');
  if (problem) {
    const value = h(document, 'strong', { class: 'badge poor' }, t('no solution'));
    return { name, value, note: t('the bits shown are those of before') };
  }
  if (!measured) {
    const value = h(document, 'strong', { class: 'badge unknown' }, t('not measured'));
    return { name, value, note: t('these bits have not been run on any data yet') };
  }
  const { verdict, top1, note } = measured;
  const text = top1
    ? t('top-1 {0} → {1}', formatPercent(top1[0]), formatPercent(top1[1]))
    : headline(measured);
  return {
    name,
    value: h(document, 'strong', { class: `badge ${verdict ?? 'unknown'}` }, text),
    note: [...secondary(measured), note].join(' · '),
    title: t('Against the float model'),
  };
}

/** The other measures. */
function secondary({ agreement, kl, sqnrDb, top1 }: MeasuredBits): string[] {
  const facts: string[] = [];
  if (top1 && agreement !== null) facts.push(t('{0} same answers', formatPercent(agreement)));
  if (kl !== null) facts.push(t('KL divergence {0}', significant(kl)));
  if (agreement !== null && sqnrDb !== null) facts.push(t('SQNR {0}', formatSqnr(sqnrDb)));
  return facts;
}

function sizeTiles({ state, totals, unwritten }: HeaderData, document: Document): Tile[] {
  const { quality, model } = state;
  if (!totals)
    return [{ name: t('Size'), value: plain(formatSize(model.bytes), document), note: t('as it is') }];
  const ratio = (model.bytes / totals.sizeBytes).toFixed(1);
  const made: Tile[] = [
    {
      name: t('Size'),
      value: change(formatSize(model.bytes), formatSize(totals.sizeBytes), document),
      note:
        quality && !unwritten
          ? t('{0}× smaller: the smallest found with {1}', ratio, formatQuality(quality))
          : t('{0}× smaller', ratio),
    },
    {
      name: t('Average bits'),
      value: plain(formatAverage(totals.averageBits), document),
      note: t('per weight'),
    },
  ];
  const operations = operationsTile(state, totals, document);
  return operations ? [...made, operations] : made;
}

function operationsTile(state: PanelState, { bops, floatBops }: Totals, document: Document): Tile | null {
  if (bops === null || floatBops === null) return null;
  const own = state.functions.map((f) => f.activationBits ?? state.activationBits);
  const [least, most] = [Math.min(...own), Math.max(...own)];
  const title =
    least === most
      ? t('Bit operations for one sample: MACs × weight bits × {0} activation bits', least)
      : t('Bit operations for one sample: MACs × weight bits × {0} to {1} activation bits', least, most);
  const value = change(formatCount(floatBops), formatCount(bops), document);
  return { name: t('BOPs'), value, note: t('{0}× fewer', (floatBops / bops).toFixed(1)), title };
}

function scoredTile({ scoring }: PanelState, document: Document): Tile | null {
  if (!scoring) return null;
  const { provider, samples, seconds, centered, data } = scoring;
  const count = plural(samples, t('{0} sample', samples), t('{0} samples', samples));
  return {
    name: t('Scored on'),
    value: plain(provider, document),
    note: seconds === null ? count : `${count}, ${formatSeconds(seconds)}`,
    title: centered ? t('{0}; Gram matrices centred', data) : t('{0}; Gram matrices not centred', data),
  };
}

function plain(text: string, document: Document): HTMLElement {
  return h(document, 'strong', {}, text);
}

function change(before: string, after: string, document: Document): HTMLElement {
  return h(
    document,
    'span',
    { class: 'change' },
    h(document, 'span', { class: 'before' }, before),
    h(document, 'span', { class: 'arrow', 'aria-label': t('to') }, '→'),
    h(document, 'strong', {}, after),
  );
}
