/** The controls of a preprocessing. (state, chosen, change) -> elements. */
import { h } from '../dom';
import { t } from '../l10n';
import { settingRow } from '../settingRow';
import { dropdown, textField } from '../toolkit';
import type { EditorState, Preprocessing } from './protocol';

interface ControlsData {
  state: EditorState;
  /** What is chosen at the moment: fields change it without being drawn anew. */
  current: () => Preprocessing;
}

/** @param change isWhole: the other controls show something else, too */
export function controls(
  { state, current }: ControlsData,
  document: Document,
  change: (preprocessing: Preprocessing, isWhole: boolean) => void,
): HTMLElement[] {
  const chosen = current();
  const preset = state.presets.find((each) => each.preset === chosen.preset)!;
  const row = (name: string, control: HTMLElement): HTMLElement => settingRow(document, name, control);
  const choice = <K extends 'resize' | 'channels' | 'layout'>(
    name: K,
    label: string,
    options: { value: string; text: string }[],
  ): HTMLElement =>
    row(
      label,
      dropdown(document, label, options, chosen[name] ?? '', (value) => {
        const next: Preprocessing = { ...current() };
        if (value === '') delete next[name];
        else Object.assign(next, { [name]: value });
        change(next, true);
      }),
    );
  const numbers = (name: 'mean' | 'std', label: string): HTMLElement => {
    const field = textField(
      document,
      { label, value: (chosen[name] ?? preset[name]).map(short).join(', '), size: 26 },
      (text) => {
        const values = text
          .split(/[,;\s]+/)
          .filter((part) => part !== '')
          .map(Number);
        const isGood =
          values.length > 0 && values.every(Number.isFinite) && (name === 'mean' || !values.includes(0));
        if (isGood) change({ ...current(), [name]: values }, false);
        else field.value = (current()[name] ?? preset[name]).map(short).join(', ');
      },
    );
    return row(label, field);
  };
  const crop = textField(
    document,
    { label: t('Crop'), value: short(chosen.crop ?? 1 / preset.margin), size: 8 },
    (text) => {
      const value = Number(text);
      if (value > 0 && value <= 1) change({ ...current(), crop: value }, false);
      else crop.value = short(current().crop ?? 1 / preset.margin);
    },
  );
  const made = [
    row(
      t('Preset'),
      dropdown(
        document,
        t('Preset'),
        state.presets.map((each) => ({ value: each.preset, text: `${each.label}: ${each.description}` })),
        chosen.preset,
        (value) => {
          const found = state.presets.find((each) => each.preset === value);
          if (found) change({ ...withoutNumbers(current()), preset: found.preset }, true);
        },
      ),
    ),
    numbers('mean', t('Mean, of pixels from 0 to 1')),
    numbers('std', t('Standard deviation')),
    choice('resize', t('Resize'), [
      { value: '', text: t('cut out the centre; right sizes as they are') },
      { value: 'crop', text: t('cut out the centre') },
      { value: 'stretch', text: t('stretch') },
      { value: 'pad', text: t('fit in, the rest black') },
    ]),
    ...((chosen.resize ?? 'crop') === 'crop' ? [row(t('Crop: share that is kept'), crop)] : []),
    choice('channels', t('Order of colours'), [
      { value: '', text: 'RGB' },
      { value: 'BGR', text: 'BGR' },
    ]),
    choice('layout', t('Layout'), [
      { value: '', text: t('as the model has it') },
      { value: 'NCHW', text: 'NCHW' },
      { value: 'NHWC', text: 'NHWC' },
    ]),
  ];
  return [h(document, 'div', { class: 'controls' }, ...made)];
}

function withoutNumbers({ mean: _mean, std: _std, ...others }: Preprocessing): Preprocessing {
  return others;
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
