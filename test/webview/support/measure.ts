/** Runs inside the page: how long it takes until something is on the screen. */

/** Resolves when what has been drawn so far is painted; milliseconds since the page began. */
export function painted(): Promise<number> {
  return new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0)));
}

/** Milliseconds since the page began until there is a bit map. */
export async function firstPaint(): Promise<number> {
  while (!document.querySelector('.bit-map .column')) await painted();
  return painted();
}

/** Milliseconds that showing a state anew takes. */
export async function showAgain(show: () => void): Promise<number> {
  const start = performance.now();
  show();
  return (await painted()) - start;
}

/** Milliseconds from each move of the slider to its painted solution. */
export async function drag(places: readonly number[]): Promise<number[]> {
  const slider = document.querySelector<HTMLInputElement>('.slider');
  const map = document.querySelector('.map-room');
  if (!slider || !map) throw new Error('There is no slider.');
  const taken: number[] = [];
  for (const place of places) {
    const start = performance.now();
    const drawn = new Promise<void>((done) => {
      const observer = new MutationObserver(() => {
        observer.disconnect();
        done();
      });
      observer.observe(map, { childList: true });
    });
    slider.value = String(place);
    slider.dispatchEvent(new Event('input'));
    await drawn;
    taken.push((await painted()) - start);
  }
  return taken;
}
