/** A control with its name before it. The name is for eyes: controls tell theirs to screen readers themselves. */
import { h } from './dom';

export function settingRow(document: Document, name: string, control: HTMLElement): HTMLElement {
  return h(
    document,
    'div',
    { class: 'setting' },
    h(document, 'span', { class: 'setting-name', 'aria-hidden': 'true' }, name),
    control,
  );
}
