/** Gram matrices kept between runs, by the content of the model, the content of the data and the settings that matter. */
import { basename } from 'node:path';
import type { ScoreReply, ScoreRequest } from '../engine/protocol';
import type { Cache } from '../cache/cache';
import { dataFingerprint } from '../calibration/dataFingerprint';
import { decodeRecord, encodeRecord } from '../cache/record';
import { canonical } from '../common/canonical';

const NAMESPACE = 'scores';
/** To be raised whenever scoring the same inputs gives other numbers, or the record changes. */
const VERSION = 2;

/**
 * The key, or null where the data cannot be read. Memory limit: left out, since results do not depend on it. Provider: in
 * it, since a forced one is to be tried.
 * @param sha256 of the model
 */
export async function scoreKey(
  sha256: string,
  { granularity, data, provider }: Omit<ScoreRequest, 'kind' | 'model' | 'memoryLimit'>,
  signal?: AbortSignal,
): Promise<string | null> {
  const content = await dataFingerprint(data.path, signal);
  if (content === null) return null;
  // What outputs are said to be does not show in the functions' scores.
  const { path, outputs: _, ...rest } = data;
  // The name shows in the description.
  const name = path === null ? null : basename(path);
  return canonical([VERSION, sha256, content, name, granularity, provider, rest]);
}

export async function findScore(cache: Cache, key: string, functions: number): Promise<ScoreReply | null> {
  const bytes = await cache.get(NAMESPACE, key);
  const record = bytes && decodeRecord(bytes);
  if (!record) return null;
  const head = record.head as Omit<ScoreReply, 'grams'>;
  if (record.values.length !== functions * head.samples * head.samples) return null;
  return { ...head, grams: record.values };
}

export function keepScore(cache: Cache, key: string, reply: ScoreReply): Promise<void> {
  const { grams: values, ...head } = reply;
  return cache.put(NAMESPACE, key, encodeRecord({ head, values }));
}
