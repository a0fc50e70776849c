/**
 * Rounded layers kept between exports. Which codes a layer gets depends on its inputs, which come from the layers before
 * it as they were rounded: so its moments cannot be kept for other bits, but the finished layer can, by the model, the
 * data, the settings, its own bits and those of every layer that feeds it. An export after a change further back, or
 * after one that was interrupted, begins there.
 */
import { Cache } from '../../../cache/cache';
import { dataFingerprint } from '../../../calibration/dataFingerprint';
import { storageCode } from '../../../common/storageCode';
import { canonical } from '../../../common/canonical';
import { scaleCount } from '../../../onnx/network/scaleAxes';
import type { CodeBits } from '../../../onnx/packing/planes';
import type { CodeStorage } from '../../../onnx/packing/quantizeModel';
import type { StoredWeight } from '../../../onnx/packing/storedWeight';
import { product } from '../../../onnx/proto/dims';
import type { ExportRequest } from '../../protocol';
import type { Job } from '../job/job';

const NAMESPACE = 'layers';
/** To be raised whenever rounding the same layer gives other codes, or the record changes. */
const VERSION = 4;

/** A weight tensor that is changed on the way to a layer, and its storageCode. */
export type Feeding = readonly [tensor: string, code: number];

/** What the codes of a layer follow from, beside bits. */
export interface KeptBy {
  request: ExportRequest;
  /** Of the model. */
  sha256: string;
  /** Of the data before it was read: what has changed meanwhile is not kept. */
  content: string;
  /** Samples in the blocks, which may be fewer than were asked for. */
  count: number;
  /** Layers without second moments. */
  wide: ReadonlySet<string>;
  /** Weights that integer layers read. */
  positive: readonly string[];
}

export class KeptLayers {
  /** Layers that were taken from the cache. */
  reused = 0;

  private constructor(
    private readonly cache: Cache,
    private readonly base: string,
  ) {}

  /** Null where the data have changed meanwhile. */
  static async open(
    folder: string,
    { request, sha256, content, count, wide, positive }: KeptBy,
    job: Job,
  ): Promise<KeptLayers | null> {
    if ((await dataFingerprint(request.data.path, job.signal)) !== content) return null;
    const { rounding, scaleType, provider } = request;
    const data = { ...request.data, path: undefined };
    const cache = new Cache(folder, { log: (line) => job.log('warn', line) });
    return new KeptLayers(
      cache,
      canonical([
        VERSION,
        sha256,
        content,
        data,
        { rounding, scaleType, provider, count, wide: [...wide], positive },
      ]),
    );
  }

  async get(
    weight: StoredWeight & { bits: CodeBits },
    feeding: readonly Feeding[],
  ): Promise<CodeStorage | null> {
    const { tensor, axis, apart, group, shape, bits } = weight;
    const bytes = await this.cache.get(NAMESPACE, this.key(tensor, storageCode(bits, group?.size), feeding));
    const codesAt = 4 * scaleCount(weight);
    if (bytes?.length !== codesAt + product(shape)) return null;
    this.reused++;
    const scales = new Float32Array(scaleCount(weight));
    new Uint8Array(scales.buffer).set(bytes.subarray(0, codesAt));
    return {
      tensor,
      bits,
      axis,
      apart,
      ...(group ? { group } : {}),
      scales,
      codes: new Int8Array(bytes.subarray(codesAt)),
    };
  }

  /** Scales, then codes, one byte each. */
  async put({ tensor, bits, group, scales, codes }: CodeStorage, feeding: readonly Feeding[]): Promise<void> {
    const raw = [scales, codes].map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    await this.cache.put(
      NAMESPACE,
      this.key(tensor, storageCode(bits, group?.size), feeding),
      Buffer.concat(raw),
    );
  }

  private key(tensor: string, code: number, feeding: readonly Feeding[]): string {
    return canonical([this.base, tensor, code, feeding]);
  }
}
