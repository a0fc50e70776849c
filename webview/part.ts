/** A part of the page: it keeps its element up to date by itself. */
export interface Part {
  element: HTMLElement;
}

/** The index of the focused control among those of `room`, and the focus back on it once they were drawn anew. */
export function keepingFocus(room: HTMLElement, attribute: string, draw: () => void): void {
  const focused = room.ownerDocument.activeElement;
  const name = focused && room.contains(focused) ? focused.getAttribute(attribute) : null;
  draw();
  if (name !== null) room.querySelector<HTMLElement>(`[${attribute}="${name}"]`)?.focus();
}
