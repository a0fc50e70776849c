/** The boundary between the page of image preprocessing and the extension. */
import type { Config } from '../../src/config/types';

export type Preprocessing = Config['calibration']['preprocessing'];

export interface EditorState {
  type: 'state';
  model: string;
  folder: string;
  guess: { preprocessing: Preprocessing; label: string; reason: string; isSure: boolean } | null;
  start: Preprocessing;
  presets: {
    preset: Preprocessing['preset'];
    label: string;
    description: string;
    mean: number[];
    std: number[];
    /** The picture is scaled to cover this many times the wanted size before its centre is cut out. */
    margin: number;
  }[];
}

/** What the float model saw and answered under one preprocessing. */
export interface PreviewShown {
  preprocessing: Preprocessing;
  label: string;
  problem: string | null;
  preparation: string;
  range: [number, number] | null;
  pictures: { source: string; answers: { index: number; share: number }[] }[];
  /** 0..1; null where the model does not answer with classes. */
  decided: number | null;
  right: { count: number; of: number } | null;
}

export type ToEditor =
  | EditorState
  | { type: 'busy'; text: string; fraction: number }
  | { type: 'previewed'; isComparison: boolean; choices: PreviewShown[] }
  | { type: 'failed'; message: string };

export type FromEditor =
  | { type: 'ready' }
  | { type: 'preview'; preprocessing: Preprocessing }
  /** Every preset, and the guess. */
  | { type: 'compare' }
  | { type: 'use'; preprocessing: Preprocessing }
  | { type: 'cancel' };
