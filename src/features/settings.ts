import * as vscode from 'vscode';
import type { Pins } from '../config/config';
import type { Pin } from '../core/allocation/pins';
import type { Objective } from '../core/allocation/objectives';
import { parseWidths } from '../config/widths';
import type { Decay } from '../core/scoring/importance';
import type { BitWidth } from '../core/problem/widths';
import type { ActivationChoice, ContestRequest, Provider } from '../engine/protocol';
import type { Granularity } from '../onnx/network/network';
import { SETTING, SETTINGS_SECTION } from './ids';

export interface Settings {
  provider: Provider;
  /** Bytes; 0: half of the free memory. */
  memoryLimit: number;
  samples: number;
  seed: number;
  granularity: Granularity;
  centered: boolean;
  decay: Decay;
  beta: number;
  objective: Objective;
  contestRounding: ContestRequest['rounding'];
  searchSeconds: number;
  /** Null: weights only. */
  activations: ActivationChoice | null;
  widths: BitWidth[];
  pin: Pins | null;
}

/** The user's settings for the folder that `scope` lies in. @throws Error naming a setting that makes no sense */
export function readSettings(scope: vscode.Uri): Settings {
  const section = vscode.workspace.getConfiguration(SETTINGS_SECTION, scope);
  const get = <T>(key: string): T => section.get<T>(key) as T;
  const widths = parseWidths(get<string>(SETTING.widths));
  if (!widths) {
    throw new Error(
      vscode.l10n.t(
        'The setting ompq.widths is "{0}"; it looks like 4-8 or 2,4,8 (2 to 8, 16 and 32).',
        get<string>(SETTING.widths),
      ),
    );
  }
  const pin: Pins = {};
  const first = get<Pin | 0>(SETTING.pinFirst);
  const last = get<Pin | 0>(SETTING.pinLast);
  if (first !== 0) pin.first = first;
  if (last !== 0) pin.last = last;
  return {
    provider: get(SETTING.provider),
    memoryLimit: get<number>(SETTING.memoryLimit) * 1e6,
    samples: get(SETTING.samples),
    seed: get(SETTING.seed),
    granularity: get(SETTING.granularity),
    centered: get(SETTING.centered),
    decay: get(SETTING.decay),
    beta: get(SETTING.beta),
    objective: get(SETTING.objective),
    contestRounding: get(SETTING.contestRounding),
    searchSeconds: get(SETTING.searchSeconds),
    activations:
      get<number>(SETTING.activationBits) > 0
        ? { bits: get(SETTING.activationBits), range: get(SETTING.activationRange) }
        : null,
    widths,
    pin: first === 0 && last === 0 ? null : pin,
  };
}
