/** Progress of a job that is made of several. */
import type { RequestOptions } from './client';

/** The same options, with progress that runs from `from` to `to`. */
export function part<O extends RequestOptions>(options: O, from: number, to: number): O {
  return {
    ...options,
    onProgress: (progress) =>
      options.onProgress?.({ ...progress, fraction: from + progress.fraction * (to - from) }),
  };
}

/** Options for each of several steps that follow each other: of the progress each gets its share of what all cost. */
export function steps<O extends RequestOptions, Name extends string>(
  options: O,
  costs: Readonly<Record<Name, number>>,
): Record<Name, O> {
  const named = Object.entries<number>(costs);
  const whole = named.reduce((sum, [, cost]) => sum + cost, 0);
  let done = 0;
  const found = named.map(([name, cost]): [string, O] => {
    const from = done;
    done += cost / whole;
    return [name, part(options, from, done)];
  });
  return Object.fromEntries(found) as Record<Name, O>;
}
