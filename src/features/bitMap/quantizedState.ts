/** What the page shows of a quantized file: its own bits, in the layers of the model that it was made from. */
import { basename } from 'node:path';
import type { PanelState } from '../../../webview/protocol';
import type { BitWidth } from '../../core/problem/widths';
import type { Config } from '../../config/types';
import type { InspectReply } from '../../engine/protocol';
import type { QuantizedRecord } from '../../onnx/packing/record';
import type { Source } from '../../pipeline/originalOf';
import { panelState, type PanelSources } from './state';

type File = Pick<PanelSources, 'model' | 'evaluations' | 'score'>;

/** @param original of the source's model, as the config was scored */
export function quantizedState(
  file: File,
  own: InspectReply & { quantized: QuantizedRecord },
  { path, config }: Source,
  original: InspectReply,
): PanelState {
  const bits = own.quantized.bits as BitWidth[];
  const functions = config.functions.map((f, i) => ({ ...f, bits: bits[i], lock: false }));
  const value: Config = { ...config, functions, solver: { ...config.solver, bits } };
  const state = panelState({
    ...file,
    inspect: original,
    config: { uri: '', name: basename(path), dirty: false, value },
    capabilities: [],
    copyFormats: [],
    warnings: [],
  });
  const params = functions.reduce((sum, f) => sum + f.params, 0);
  return {
    ...state,
    // Nothing of it can be changed.
    config: null,
    settings: null,
    solver: null,
    quantized: {
      bytes: own.bytes,
      averageBits: functions.reduce((sum, f) => sum + f.bits * f.params, 0) / params,
      source: { model: basename(config.model.file), config: basename(path) },
      changed: config.functions.filter((f, i) => f.bits !== bits[i]).length,
    },
  };
}

/** Where neither config nor original is beside the file: what it says of itself. */
export function strayState(file: File, own: InspectReply & { quantized: QuantizedRecord }): PanelState {
  const { bits } = own.quantized;
  const state = panelState({
    ...file,
    inspect: own,
    config: null,
    capabilities: [],
    copyFormats: [],
    warnings: [],
  });
  return {
    ...state,
    capabilities: [],
    quantized: {
      bytes: own.bytes,
      averageBits: bits.reduce((sum, each) => sum + each, 0) / bits.length,
      source: null,
      changed: 0,
    },
  };
}
