/** Noise and contests kept between runs, as scores are: by content of the model and the data, and by every setting. */
import { basename } from 'node:path';
import type { ContestReply, ContestRequest, NoiseReply, NoiseRequest } from '../engine/protocol';
import type { Cache } from '../cache/cache';
import { canonical } from '../common/canonical';
import { dataFingerprint } from '../calibration/dataFingerprint';
import { decodeRecord, encodeRecord } from '../cache/record';

type Kept = NoiseRequest | ContestRequest;
type ReplyOf<R extends Kept> = R extends NoiseRequest ? NoiseReply : ContestReply;

const NAMESPACE = 'replies';
/** To be raised whenever the same request gets another answer, or the record changes. */
const VERSION = 5;

export interface Remembering {
  cache: Cache | undefined;
  /** SHA-256 of the model. */
  sha256: string;
  signal?: AbortSignal;
}

/**
 * The reply of an earlier run to the same request, or that of `ask`, which is then kept.
 * @param complete whether the reply owes nothing to a lack of memory
 */
export async function remembered<R extends Kept>(
  request: R,
  { cache, sha256, signal }: Remembering,
  ask: () => Promise<ReplyOf<R>>,
  complete: (reply: ReplyOf<R>) => boolean,
): Promise<{ reply: ReplyOf<R>; cached: boolean }> {
  const key = cache ? await replyKey(sha256, request, signal) : null;
  if (!cache || key === null) return { reply: await ask(), cached: false };
  const bytes = await cache.get(NAMESPACE, key);
  const record = bytes && decodeRecord(bytes);
  if (record) return { reply: record.head as ReplyOf<R>, cached: true };
  const reply = await ask();
  // Data that has changed meanwhile has another key.
  if (complete(reply) && (await replyKey(sha256, request, signal)) === key) {
    await cache.put(NAMESPACE, key, encodeRecord({ head: reply, values: new Float64Array() }));
  }
  return { reply, cached: false };
}

/** null where the data cannot be read. The memory limit is left out: a reply that depends on it is not kept. */
async function replyKey(sha256: string, request: Kept, signal?: AbortSignal): Promise<string | null> {
  const content = await dataFingerprint(request.data.path, signal);
  if (content === null) return null;
  const { path } = request.data;
  const data = { ...request.data, path: path === null ? null : basename(path) };
  return canonical([
    VERSION,
    sha256,
    content,
    { ...request, model: undefined, memoryLimit: undefined, data },
  ]);
}
