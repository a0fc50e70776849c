/** Two models, or one and its labels, measured on the data. */
import type { DataSpec } from '../calibration/inputs/spec';
import type { Engine, RequestOptions } from '../engine/client';
import type { EvaluateReply, Shard } from '../engine/protocol';
import type { ExportSettings } from './settings';

export interface EvaluateOptions extends Pick<ExportSettings, 'provider' | 'memoryLimit'> {
  /** Every sample; else data.samples of them. */
  all: boolean;
  /** Also each layer's output; needs two models. */
  perLayer: boolean;
  shard?: Shard;
}

/** Both models over the data in one pass. */
export function evaluateModels(
  engine: Engine,
  model: string,
  other: string | null,
  data: DataSpec,
  { all, perLayer, provider, memoryLimit, shard }: EvaluateOptions,
  options: RequestOptions,
): Promise<EvaluateReply> {
  return engine.request(
    { kind: 'evaluate', model, other, data, allSamples: all, perLayer, provider, memoryLimit, shard },
    options,
  );
}
