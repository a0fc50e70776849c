/**
 * The boundary between the bit map page and the extension. Discriminated unions both ways; every request of the page
 * ends in exactly one `done` or `failed` with its id.
 */
import type { BudgetSpec } from '../src/config/budget';
import type { Limits } from '../src/config/limits';
import type { Evaluation } from '../src/config/measured';
import type { Contest, Quality } from '../src/config/types';
import type { PinnedEnds } from '../src/core/allocation/pins';
import type { Objective } from '../src/core/allocation/objectives';
import type { FunctionFacts } from '../src/core/problem/facts';
import type { Proof } from '../src/core/problem/problem';
import type { BitWidth } from '../src/core/problem/widths';
import type { Decay } from '../src/core/scoring/importance';
import type { Dimension } from '../src/onnx/proto/dims';

/** One function of the network, as far as it is known: from the file alone, or scored and allocated. */
export interface PanelFunction extends FunctionFacts {
  /** Operator of the layer that ends it. */
  op: string;
  /** Node names. */
  layers: string[];
  /** Output shape; null where unknown. */
  shape: Dimension[] | null;
  macs: number | null;
  /** Run of equal spatial resolution, 0-based. */
  stage: number;
  /** null before the first allocation. */
  bits: BitWidth | null;
  /** The user insists on `bits`. */
  locked: boolean;
  /** Sum of this function's ORM with all others; null before scoring. */
  gamma: number | null;
  noise: Readonly<Record<number, number>> | null;
  /** Share of bootstrap draws in which it kept its bits; null where none were made. */
  kept?: number | null;
}

export interface SkippedLayer {
  name: string;
  op: string;
  /** Why it stays float. */
  reason: string;
}

/** Stored tensors that stay as they are. */
export interface Staying {
  op: string;
  bytes: number;
  /** A few of the largest. */
  largest: { name: string; bytes: number }[];
}

/** What the user can change without scoring again. */
export interface PanelSettings {
  /** auto: that of the contest's chosen candidate. */
  objective: Objective;
  budget: BudgetSpec;
  /** Beside the budget. */
  limits?: Limits;
  widths: BitWidth[];
  pins: PinnedEnds | null;
  decay: Decay;
  beta: number;
}

export interface ScoringFacts {
  /** Device, for people: "CPU, 2 threads". */
  provider: string;
  samples: number;
  /** Load and score together; null where the config does not say. */
  seconds: number | null;
  synthetic: boolean;
  centered: boolean;
  /** For people: "64 of 256 images in calibration/". */
  data: string;
}

/** Actions of the extension that the page may offer; what is not listed does not appear. */
export type Capability = 'quantize' | 'write' | 'export' | 'evaluate';

export interface PanelState {
  model: { uri: string; name: string; bytes: number };
  /** null: no config yet. dirty: open in an editor with unsaved changes. */
  config: { uri: string; name: string; dirty: boolean } | null;
  functions: PanelFunction[];
  skipped: SkippedLayer[];
  /** Stored tensors that no bits are chosen for, by the operator that reads them and by falling size. */
  staying: Staying[];
  /** Groups of indices into functions that share their weights, or that the config ties. */
  ties: number[][];
  /** Function name -> widths that the config's rules leave it. */
  rules?: Record<string, BitWidth[]>;
  /** Run time of what has no bits. */
  restMilliseconds?: number;
  /** What the config's budget is the answer to. */
  quality?: Quality;
  /** Bytes of the file that no choice changes. */
  fixedBytes: number;
  /** functions x functions, row-major; null: not scored, or scored elsewhere. */
  orm: Float64Array | null;
  /** null before the first allocation. */
  settings: PanelSettings | null;
  solver: Proof | null;
  /** Functions whose bits were edited by hand since the solver ran: its certificate speaks of other bits. */
  edited?: string[];
  /** Allocations of one size, compared on the user's data; null: none was held. */
  contest: Contest | null;
  /** Of this model, the newest first. */
  evaluations?: Evaluation[];
  scoring: ScoringFacts | null;
  /** Width of the activations in the quantized model; 32: float. */
  activationBits: number;
  /** The file is a quantized one: the bits are its own, everything else its original's. */
  quantized?: QuantizedFile;
  capabilities: Capability[];
  /** Formats beyond the page's own that the extension can copy. */
  copyFormats: { id: string; label: string }[];
  /** Something the user must know before trusting the numbers, e.g. "The model has changed since it was scored." */
  warnings: string[];
}

export interface QuantizedFile {
  /** Of the file itself. */
  bytes: number;
  averageBits: number;
  /** Names of the model and the config that it was made from; null: they are not beside it. */
  source: { model: string; config: string } | null;
  /** Layers that the config gives other bits today. */
  changed: number;
}

/** What the page asks the extension to put into the config. */
export interface PanelEdit {
  settings: PanelSettings;
  functions: { name: string; bits: BitWidth; locked: boolean; importance: number }[];
  solver: Proof;
  /** The contest's candidate that these bits follow. */
  chosen: string | null;
}

export type PlanOutcome = { edit: PanelEdit } | { problem: string };

export type PanelRequest =
  | { type: 'write'; edit: PanelEdit }
  | { type: 'quantize' }
  | { type: 'export' }
  /** Rounds and runs the bits on show; nothing is written. */
  | { type: 'evaluate'; bits: BitWidth[] }
  /** The contest again, for the config as it is written. */
  | { type: 'measureAgain' }
  /** The smallest file that meets it, sought by measuring, for the config as it is written. */
  | { type: 'smallest'; quality: Quality }
  /** Text to put on the clipboard. */
  | { type: 'copyText'; text: string; what: string }
  /** One of the state's copyFormats, of the config as it is written. */
  | { type: 'copyFormat'; format: string }
  | { type: 'savePicture'; kind: 'svg' | 'png'; name: string; data: Uint8Array };

export type FromPage =
  | { type: 'ready' }
  | { type: 'request'; id: number; request: PanelRequest }
  /** The user has changed the plan: one step, which undo takes back. */
  | { type: 'planned'; before: Plan; after: Plan }
  /** What the plan on show comes to: what would be written, or why nothing can be. */
  | { type: 'settled'; plan: Plan; outcome: PlanOutcome }
  /** VS Code keeps the steps: it answers with `plan`. */
  | { type: 'undo' }
  | { type: 'redo' }
  /** Show where this function stands in the config, if it is open. */
  | { type: 'reveal'; name: string }
  | { type: 'openConfig' }
  /** The bit map of the model that a quantized file was made from. */
  | { type: 'openOriginal' }
  /** Something went wrong inside the page. */
  | { type: 'error'; message: string };

export type ToPage =
  | { type: 'state'; state: PanelState }
  /** Select a function, e.g. from a CodeLens. */
  | { type: 'select'; name: string }
  /** Undo, redo, revert or a restored window: the plan to show; null: the config's. */
  | { type: 'plan'; plan: Plan | null }
  /** The model cannot be shown at all. */
  | { type: 'unreadable'; message: string }
  /** A command of VS Code's about what is on show. */
  | { type: 'act'; action: PageAction }
  | { type: 'done'; id: number }
  | { type: 'failed'; id: number; message: string };

/** Bits, or a lock, of the selected layers, or of the one with the cursor; the toolbar's own export and measurement. */
export type PageAction = BitWidth | 'lock' | 'export' | 'measure';

/** What survives a reload of the window; the rest, unwritten changes included, comes again from the extension. */
export interface SavedView {
  version: 2;
  model: string;
  /** null: there was none. */
  config: string | null;
  selected: string[];
  columnWidth: 'equal' | 'size';
  showDecider: boolean;
  budgetUnit: BudgetUnit;
}

export type BudgetUnit = 'MB' | 'MiB' | 'KB' | 'bits' | 'ratio';

/** Settings and locks: everything that decides an allocation. */
export interface Plan extends PanelSettings {
  /** With the objective auto: the contest's candidate to follow. */
  chosen: string | null;
  locks: Record<string, BitWidth>;
}
