import type { RequestOptions } from './client';

/** The same options, with progress that runs from `from` to `to`. */
export function part(options: RequestOptions, from: number, to: number): RequestOptions {
  return {
    ...options,
    onProgress: (progress) =>
      options.onProgress?.({ ...progress, fraction: from + progress.fraction * (to - from) }),
  };
}
