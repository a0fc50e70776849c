/** A button that opens a short list of actions, after the WAI-ARIA menu button pattern. */
import { h } from './dom';
import { button } from './toolkit';

export interface MenuItem {
  label: string;
  run(): void;
}

export function menuButton(document: Document, label: string, items: readonly MenuItem[]): HTMLElement {
  const list = h(document, 'ul', { role: 'menu', class: 'menu', hidden: true, 'aria-label': label });
  const opener = button(
    document,
    { look: 'secondary' },
    () => (list.hidden ? open() : close(false)),
    `${label} ▾`,
  );
  opener.setAttribute('aria-haspopup', 'menu');
  opener.setAttribute('aria-expanded', 'false');
  const entries = items.map((item) => {
    const entry = h(document, 'li', { role: 'menuitem', tabindex: -1 }, item.label);
    entry.addEventListener('click', () => {
      close(true);
      item.run();
    });
    return entry;
  });
  list.append(...entries);
  const element = h(document, 'div', { class: 'menu-button' }, opener, list);

  function open(): void {
    list.hidden = false;
    // towards the side that has room for it
    const { left, right } = element.getBoundingClientRect();
    list.classList.toggle('rightwards', right - list.offsetWidth < 0 && left >= 0);
    opener.setAttribute('aria-expanded', 'true');
    entries[0]?.focus();
  }

  function close(refocus: boolean): void {
    list.hidden = true;
    opener.setAttribute('aria-expanded', 'false');
    if (refocus) opener.focus();
  }

  list.addEventListener('keydown', (event) => {
    const at = entries.indexOf(document.activeElement as HTMLLIElement);
    const focus = (i: number): void => entries[(i + entries.length) % entries.length]?.focus();
    if (event.key === 'ArrowDown') focus(at + 1);
    else if (event.key === 'ArrowUp') focus(at - 1);
    else if (event.key === 'Home') focus(0);
    else if (event.key === 'End') focus(-1);
    else if (event.key === 'Escape') close(true);
    else if (event.key === 'Enter' || event.key === ' ') entries[at]?.click();
    else return;
    event.preventDefault();
  });
  element.addEventListener('focusout', (event) => {
    if (!element.contains(event.relatedTarget as Node | null)) close(false);
  });
  return element;
}
