/** Selecting columns of the bit map by mouse and keyboard. */
import { changeKey } from './keys';
import type { Store } from './store';

type Reveal = (name: string) => void;

/** A click, or Space on the keyboard cursor. */
export function choose(
  store: Store,
  index: number,
  how: { add: boolean; extend: boolean },
  reveal: Reveal,
): void {
  const functions = store.state?.functions ?? [];
  const { name } = functions[index];
  const { selected, active } = store.view;
  if (how.extend && active >= 0) {
    const [from, to] = [Math.min(active, index), Math.max(active, index)];
    store.select([...selected, ...functions.slice(from, to + 1).map((f) => f.name)]);
  } else if (how.add) {
    const next = new Set(selected);
    if (!next.delete(name)) next.add(name);
    store.select(next, index);
  } else {
    store.select([name], index);
    reveal(name);
  }
}

/** Whether the key meant something to the bit map. */
export function mapKey(store: Store, event: KeyboardEvent, reveal: Reveal): boolean {
  const count = store.state?.functions.length ?? 0;
  const { active } = store.view;
  const steps: Record<string, number> = {
    ArrowLeft: active - 1,
    ArrowRight: active + 1,
    ArrowUp: active - 1,
    ArrowDown: active + 1,
    PageUp: active - 10,
    PageDown: active + 10,
    Home: 0,
    End: count - 1,
  };
  if (count === 0) return false;
  if (event.key in steps) {
    const index = Math.min(count - 1, Math.max(0, steps[event.key]));
    if (event.shiftKey) choose(store, index, { add: false, extend: true }, reveal);
    store.activate(index);
    return true;
  }
  if (active < 0) return false;
  if (event.key === ' ' || event.key === 'Enter') {
    choose(store, active, { add: event.ctrlKey || event.metaKey, extend: event.shiftKey }, reveal);
    return true;
  }
  return changeKey(store, event);
}
