/** ORM matrices of scored models, kept on disk so that a panel can explain bits and re-solve after a restart. */
import type { Cache } from '../../cache/cache';
import { canonical } from '../../common/canonical';
import { decodeRecord, encodeRecord } from '../../cache/record';
import type { Config } from '../../config/types';
import type { QuantizeResult } from '../../pipeline/quantize';

export interface KeptScore {
  /** functions x functions, row-major. */
  orm: Float64Array;
  /** Load and score together. */
  seconds: number;
  /** For people: "64 of 256 images in calibration/". */
  data: string;
}

const NAMESPACE = 'orm';

/** What the ORM depends on, and nothing that it does not: decay, beta, budget and bits may change. */
function keyOf({ model, calibration, scoring, functions }: Config): string {
  const { granularity, centered } = scoring;
  return canonical([model.sha256, calibration, granularity, centered, functions.map((f) => f.name)]);
}

/** Found by the config alone, unlike the scores, which are found by the data. */
export class OrmCache {
  constructor(private readonly cache: Cache) {}

  async keep(config: Config, { orm, seconds, data }: KeptScore): Promise<void> {
    await this.cache.put(NAMESPACE, keyOf(config), encodeRecord({ head: { seconds, data }, values: orm }));
  }

  /** Of a config that has just been made. */
  async keepScored({ config, scored }: Pick<QuantizeResult, 'config' | 'scored'>): Promise<void> {
    const { seconds, dataDescription: data } = scored.score;
    await this.keep(config, { orm: scored.orm, seconds: seconds.load + seconds.score, data });
  }

  /** null where this config was scored elsewhere, or its entry is damaged. */
  async find(config: Config): Promise<KeptScore | null> {
    const bytes = await this.cache.get(NAMESPACE, keyOf(config));
    const record = bytes && decodeRecord(bytes);
    if (record?.values.length !== config.functions.length ** 2) return null;
    const { seconds, data } = record.head as Omit<KeptScore, 'orm'>;
    return { orm: record.values, seconds, data };
  }
}
