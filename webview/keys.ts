/** Keys that change bits; the bit map and the table share them. */
import type { BitWidth } from '../src/core/problem/widths';
import type { Store } from './store';

/** Digits lock the selection (or the active layer) at a width, L locks or unlocks it. */
export function changeKey(store: Store, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || !store.plan || !store.state) return false;
  if (store.chosenNames().length === 0) return false;
  if (/^[2-8]$/.test(event.key)) change(store, Number(event.key) as BitWidth);
  else if (event.key.toLowerCase() === 'l') change(store, 'lock');
  else return false;
  return true;
}

/** Locks the selection (or the active layer) at a width; 'lock': at its own, or unlocks it. */
export function change(store: Store, to: BitWidth | 'lock'): void {
  const names = store.chosenNames();
  if (!store.plan || names.length === 0) return;
  const { locks } = store.plan;
  if (to !== 'lock') store.lock(names, to);
  else if (names.every((name) => Object.hasOwn(locks, name))) store.unlock(names);
  else store.lock(names, null);
}
