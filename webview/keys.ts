/** Keys that change bits; the bit map and the table share them. */
import type { BitWidth } from '../src/core/problem/widths';
import type { Store } from './store';

/** Digits lock the selection (or the active layer) at a width, L locks or unlocks it. */
export function changeKey(store: Store, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || !store.plan || !store.state) return false;
  const names = store.chosenNames();
  if (names.length === 0) return false;
  if (/^[2-8]$/.test(event.key)) {
    store.lock(names, Number(event.key) as BitWidth);
    return true;
  }
  if (event.key.toLowerCase() !== 'l') return false;
  const { locks } = store.plan;
  if (names.every((name) => Object.hasOwn(locks, name))) store.unlock(names);
  else store.lock(names, null);
  return true;
}
