/** A name that is cut in the middle where there is no room: beginnings are alike, and ends tell layers apart. */
import { h } from './dom';

/** Characters at the end that stay as long as anything does. */
const KEPT = 18;

export function cutName(name: string, document: Document): HTMLElement {
  const at = Math.max(0, name.length - KEPT);
  return h(
    document,
    'span',
    { class: 'cut', title: name },
    h(document, 'span', { class: 'cut-head' }, name.slice(0, at)),
    h(document, 'span', { class: 'cut-tail' }, name.slice(at)),
  );
}
