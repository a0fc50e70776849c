/**
 * The boundary between the editor (or CLI) and the engine process. One request kind per job; the reply type follows
 * from the request; every request ends in exactly one reply or error. The client sends one request at a time.
 */
import type { IntegerProducts } from '../common/integerProduct';
import type { OutputFacts, OutputKind, OutputPlan } from '../onnx/network/outputs';
import type { DataSpec, Preprocessing } from '../calibration/inputs/spec';
import type { PreprocessingGuess } from '../calibration/pictures/guess';
import type { Divergence } from '../core/allocation/divergence';
import type { RangeMethod } from '../core/rounding/activationRange';
import type { RoundingMethod } from '../core/rounding/problem';
import type { Listing } from '../onnx/listing/listing';
import type { Branches, Granularity, Network } from '../onnx/network/network';
import type { FormChoice } from '../onnx/packing/forms';
import type { QuantizedRecord } from '../onnx/packing/record';
import type { Shares } from '../onnx/packing/shares';
import type { Dimension } from '../onnx/proto/dims';
import type { SizeModel } from '../onnx/packing/size';

export type { FormChoice, RangeMethod, RoundingMethod, SizeModel };

/** Environment variable of the engine: a file for the times of its work; unset: nothing is measured. */
export const TRACE = 'OMPQ_TRACE';

/** How activations are quantized. */
export interface ActivationChoice {
  /** Of the inputs of all layers but the first and the last, which take 8. */
  bits: ActivationBits;
  /** Per function, in place of `bits`; a tensor that several functions read takes the widest of theirs. */
  perFunction?: ActivationBits[];
  /** How ranges are found on the calibration samples. */
  range: RangeMethod;
}

export type ActivationBits = 4 | 5 | 6 | 7 | 8;

export type Provider = 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

export interface InspectRequest {
  kind: 'inspect';
  /** Absolute path. */
  model: string;
  granularity: Granularity;
  shapes: Record<string, number[]>;
  /** Where they are known; else they are found on the data, or on a made-up sample. */
  branches?: Branches;
  data?: DataSpec;
  /** As in DataSpec; default: the data's. */
  outputs?: DataSpec['outputs'];
}

export interface InspectReply {
  network: Network;
  /** What each output is taken for, and what is compared in its place: DataSpec.outputs overrides it. */
  outputs: OutputFacts[];
  /** Through which the network was found; absent where no If holds layers, or none could be run. */
  branches?: Branches;
  /** Per function, the shape of its output for samples of the data; absent without data, or where the file tells all sizes. */
  shapesOnData?: (Dimension[] | null)[];
  /** Per function, whether its activations stay floats in an export that quantizes others; absent: none does. */
  floatActivations?: boolean[];
  /** SHA-256 of the model (and of its external data), hex. */
  sha256: string;
  /** Size of the model file plus its external data. */
  bytes: number;
  /** Absolute paths of both: the files that sha256 covers. */
  files: string[];
  /** Per function, per width 2..8, 16, 32: bytes on disk; and the bytes that no choice changes. */
  size: SizeModel;
  /** What part of the file can be quantized, and what stays as it is. */
  shares: Shares;
  /** The file is one that we have quantized: what it says of itself. */
  quantized?: QuantizedRecord;
}

/** What the model sees of its pictures, and what the float model answers, under several preprocessings. */
export interface PreviewRequest {
  kind: 'preview';
  /** Absolute path. */
  model: string;
  /** A folder of pictures; data.samples of them are tried. */
  data: DataSpec;
  /** Absent: what the model is guessed to take, and every preset. */
  choices?: Preprocessing[];
  /** So many pictures come back as such. */
  pictures: number;
}

export interface PreviewReply {
  guess: PreprocessingGuess;
  choices: PreviewedChoice[];
}

export interface PreviewedChoice {
  preprocessing: Preprocessing;
  /** One sentence where the pictures cannot be fed so; the rest is then empty. */
  problem: string | null;
  /** What was done to the pictures, in one line. */
  preparation: string;
  /** Least and largest value that the model is given. */
  range: [number, number] | null;
  /** As the model sees them, with its top answers where it answers with classes. */
  pictures: { png: Uint8Array; answers: { index: number; share: number }[] }[];
  /** 0..1: how much the answers tell of which picture was seen; null where the model does not answer with classes. */
  decided: number | null;
  /** Of the pictures tried, where they have labels. */
  right: { count: number; of: number } | null;
}

/** The model as text. */
export interface ListingRequest {
  kind: 'listing';
  model: string;
}

/** Of one tensor stored in the file. */
export interface StatisticsRequest {
  kind: 'statistics';
  model: string;
  tensor: string;
}

export interface StatisticsReply {
  count: number;
  min: number;
  max: number;
  mean: number;
  deviation: number;
  zeros: number;
}

/** Of the weights at given bits, without running the model. */
export interface ScalesRequest {
  kind: 'scales';
  model: string;
  granularity: Granularity;
  shapes: Record<string, number[]>;
  branches?: Branches;
  /** One per function; those of 16 and 32 need none. */
  bits: number[];
}

export interface ScalesReply {
  /** One scale per output channel (index along the layer's channelAxis) of each stored tensor. */
  tensors: { tensor: string; scales: Float32Array }[];
}

/** One of `count` parts that a job is split into. */
export interface Shard {
  /** From 0. */
  index: number;
  count: number;
}

export interface ScoreRequest {
  kind: 'score';
  model: string;
  granularity: Granularity;
  data: DataSpec;
  provider: Provider;
  /** Upper limit on the engine's memory, bytes; 0: half of the free memory. */
  memoryLimit: number;
  /** Only this share of the functions. */
  shard?: Shard;
}

export interface ScoreReply {
  /** Samples used (N). */
  samples: number;
  /**
   * functions.length matrices of N x N, row-major, uncentred, one after the other. Where the mean over the samples
   * dominates a function's output, the centred part H G H was computed apart, so that centring these in float64 keeps
   * its digits.
   */
  grams: Float64Array;
  /** Where a shard was asked for: the functions that grams is of, [from, to), and in what passes it was computed. */
  part?: { from: number; to: number; plan: string };
  /** Device, for people: "CPU, 2 threads". */
  provider: string;
  seconds: { load: number; score: number };
  synthetic: boolean;
  /** For people: "64 of 256 images in calibration/". */
  dataDescription: string;
  /** What was done to the samples, in one line, where anything was. */
  preparation?: string;
  warnings: string[];
}

/** Writes the quantized model. */
export interface ExportRequest {
  kind: 'export';
  /** Absolute path of the original. */
  model: string;
  /** Absolute path of the file to write; not the original's. */
  out: string;
  /** False: an existing file is an error. */
  overwrite: boolean;
  granularity: Granularity;
  /** One per function: 2 to 8, 16 or 32. */
  bits: number[];
  /** One per function: inputs that share a scale, 0: all of an output's; default: all. */
  groups?: number[];
  rounding: RoundingMethod;
  scaleType: 'float32' | 'float16';
  /** How weights are written; default: bit planes. */
  form?: FormChoice;
  /** Null: weights only. */
  activations: ActivationChoice | null;
  /** Calibration samples: for rounding and for ranges, and to try the written file on. */
  data: DataSpec;
  /** SHA-256 of the configuration, hex; goes into the file's metadata. */
  config: string;
  /** Folder where rounded layers are kept for the next export; absent: nowhere. */
  cache?: string;
  /** Default 'cpu'. */
  provider?: Provider;
  /** Upper limit on the engine's memory, bytes; 0: half of the free memory. */
  memoryLimit: number;
}

export interface ActivationCounts {
  /** Layers that are written for integer kernels, of all that have weights. */
  integerLayers: number;
  layers: number;
  /** Tensors that are quantized. */
  tensors: number;
  /** Samples that ranges were found on. */
  samples: number;
  /** What they add to the file, compared with weights only. */
  bytes: number;
}

export interface ExportReply {
  /** The file written, its external data included. */
  bytes: number;
  predictedBytes: number;
  rounding: RoundingMethod;
  /** Null: weights only. */
  activations: (ActivationChoice & ActivationCounts) | null;
  /**
   * Weights that stay packed in memory, and the least signal over noise of an output with ONNX Runtime's kernels for them, in
   * dB (null: the model is too large to be run as floats); null: none, and all outputs are exact.
   */
  packed: { weights: number; leastDb: number | null } | null;
  /** Samples that rounding used; 0 for 'nearest'. */
  samples: number;
  /** Layers that an earlier export had rounded alike. */
  reused: number;
  /** Device that computed the statistics, for people. */
  provider: string;
  seconds: { rounding: number; writing: number; total: number };
  warnings: string[];
}

/** Runs one model, or two side by side, over a set of samples. */
export interface EvaluateRequest {
  kind: 'evaluate';
  /** Absolute path; the reference where there are two. */
  model: string;
  other: string | null;
  data: DataSpec;
  /** False: data.samples of them, chosen by the seed. */
  allSamples: boolean;
  /** Also the SQNR and cosine of every function's output (on the first samples only). */
  perLayer: boolean;
  /** Default 'cpu'. */
  provider?: Provider;
  /** Upper limit on the engine's memory, bytes; 0 (default): half of the free memory. */
  memoryLimit?: number;
  /** Only this share of the blocks of samples. */
  shard?: Shard;
}

export interface EvaluateReply {
  samples: number;
  /** In the order given; accuracies are fractions of 1, null without labels (or, for top-5, with fewer than 6 classes). */
  models: { path: string; bytes: number; top1: number | null; top5: number | null }[];
  /** The second model against the first; null where there is one. */
  against: Comparison | null;
  /** Per function in network order, where asked for. */
  layers: { name: string; sqnrDb: number; cosine: number }[] | null;
  /** Device, for people. */
  provider: string;
  /** Where a shard was asked for: the sums that make it up, per block of samples, and what they are sums of. */
  tallies?: Tally[];
  plan?: OutputPlan;
  /** Samples in a block. */
  blockSize: number;
  seconds: number;
  synthetic: boolean;
  dataDescription: string;
  /** What was done to the samples, in one line, where anything was. */
  preparation?: string;
  warnings: string[];
}

export interface Comparison {
  /** Share of equal answers, over all outputs that are scores of classes or choices; null where none is. */
  agreement: number | null;
  /** Mean KL divergence of the distributions over classes from the first model's, in nats; null where there is none. */
  kl: number | null;
  /** Signal over noise, each compared tensor relative to its own power; Infinity where nothing differs. */
  sqnrDb: number;
  /** What allocations are ranked by: the mean over the compared tensors of KL, or of noise over signal for what is no score. */
  cost: number;
  /** Share of boxes that both models find (of the same class, IoU >= 0.5); null where the outputs are no boxes. */
  boxes: number | null;
  outputs: OutputComparison[];
}

export interface OutputComparison {
  name: string;
  kind: OutputKind;
  /** Only its last operator speaks for scores of classes. */
  isGuess?: boolean;
  /** What was compared: the output itself, or the tensors that it is made from. */
  tensors: string[];
  /** Null where nothing of it is compared as numbers. */
  sqnrDb: number | null;
  cosine: number | null;
  /** Share of equal answers or values. */
  agreement: number | null;
  kl: number | null;
  /** Of an output whose rows come and go: the share of runs in which both models have as many. */
  sameRows?: number;
}

/** How much noise each function makes when only its own weights are quantized. */
export interface NoiseRequest {
  kind: 'noise';
  model: string;
  granularity: Granularity;
  widths: number[];
  /** Group sizes that the low widths are measured with, too, where layers can have them; default: none. */
  groups?: number[];
  /** Where given, also the noise of each function's inputs at these widths. */
  activationWidths?: number[];
  rounding: RoundingMethod;
  data: DataSpec;
  /** Default 'cpu'. */
  provider?: Provider;
  /** Upper limit on the engine's memory, bytes; 0: half of the free memory. */
  memoryLimit: number;
}

export interface NoiseReply {
  /**
   * Per function, per storageCode: what the cost of the model's outputs would be (see Measured) with its weights alone so; where
   * outputs cannot be compared, E ||dW x||^2 / Var(W x) of its own output.
   */
  noise: Record<number, number>[];
  /** Per function, per activation width: the same of its inputs; absent where not asked for. */
  activationNoise?: Record<number, number>[];
  samples: number;
}

/** Allocations of one model, quantized and run on samples, without labels. */
export interface ContestRequest {
  kind: 'contest';
  model: string;
  granularity: Granularity;
  /** One storageCode per function each; equal ones are run once. */
  candidates: number[][];
  rounding: RoundingMethod;
  /** The first `rounded` of data.samples are for rounding, the others are run; with few samples, half of them are. */
  data: DataSpec;
  rounded: number;
  /** Allocations of other sizes, run for themselves: what more or less would cost. They win nothing. */
  points?: number[][];
  /** Local search from the best candidate, where asked for. */
  search: SearchLimits | null;
  memoryLimit: number;
}

export interface SearchLimits {
  seconds: number;
  /** Per function the storageCodes it may take, by rising bytes; one where it is fixed. */
  widths: number[][];
  /** Groups of functions that must stay equal. */
  ties: number[][];
  /** Limits on the whole: sum over functions i of use[i][storageCode] <= capacity, in whole numbers. */
  limits: { capacity: number; use: Record<number, number>[] }[];
  noise: Record<number, number>[];
}

export interface ContestReply {
  /** In the order asked; null: not run yet, in a partial reply. */
  results: (Measured | null)[];
  /** Of the points, in the order asked. */
  points?: (Measured | null)[];
  /** What the local search found, where it found something better. */
  improved: (Measured & { bits: number[] }) | null;
  /** Samples run, and whether rounding did without them. */
  samples: number;
  heldOut: boolean;
  /** No sample was left out for want of memory. */
  complete: boolean;
  seconds: number;
  warnings: string[];
}

/** Against the float model. */
export interface Measured extends Divergence {
  cost: number;
  agreement: number | null;
  /** Of an allocation that was clearly worse than another: those that it was run on, fewer than the others. */
  samples?: number;
}

/** How long ONNX Runtime's kernels take on the CPU. */
export interface LatencyRequest {
  kind: 'latency';
  model: string;
  granularity: Granularity;
  /** One sample of them is run, and ranges are measured on it. */
  data: DataSpec;
  /** The median of so many counts. */
  runs: number;
  memoryLimit: number;
}

export interface LatencyReply {
  /** Milliseconds for one sample by function: in an export with integer kernels (where there are some) and in the float network. */
  functions: Record<string, { 8: number; 32: number }>;
  /** What either network takes beside its functions. */
  rest: number;
  /** The float network. */
  whole: number;
  /** Processor with threads, and who ran it. */
  device: string;
  runtime: string;
  runs: number;
  warnings: string[];
}

/** What this machine offers. */
export interface DoctorRequest {
  kind: 'doctor';
}

export interface DoctorReply {
  providers: {
    provider: Exclude<Provider, 'auto'>;
    works: boolean;
    /** For people; null where it does not work. */
    device: string | null;
    /** Why it does not work, or is not used by 'auto'. */
    note: string | null;
    /** What to do about it. */
    fix: string | null;
  }[];
  versions: Record<string, string>;
  system: string;
  processor: string;
  integerProducts: IntegerProducts;
  /** Of the graphics card, with its version. */
  driver: string | null;
  /** Bytes. */
  memory: { total: number; free: number };
}

export type EngineRequest =
  | DoctorRequest
  | InspectRequest
  | PreviewRequest
  | ListingRequest
  | StatisticsRequest
  | ScalesRequest
  | ScoreRequest
  | NoiseRequest
  | ContestRequest
  | LatencyRequest
  | ExportRequest
  | EvaluateRequest;

interface Replies {
  doctor: DoctorReply;
  inspect: InspectReply;
  preview: PreviewReply;
  listing: Listing;
  statistics: StatisticsReply;
  scales: ScalesReply;
  score: ScoreReply;
  noise: NoiseReply;
  contest: ContestReply;
  latency: LatencyReply;
  export: ExportReply;
  evaluate: EvaluateReply;
}

export type EngineReply = Replies[EngineRequest['kind']];
export type ReplyTo<R extends EngineRequest> = Replies[R['kind']];

/** `fraction` in 0..1 over the whole request; never falls. */
export interface Progress {
  stage: string;
  fraction: number;
  /** What a contest has found so far: with it, a contest that is cancelled has not been held for nothing. */
  partial?: ContestReply;
}

export interface EngineError {
  /** One sentence that says which file, what is wrong and what to do. */
  message: string;
  /** For the log only. */
  stack?: string;
}

export type LogLevel = 'info' | 'warn' | 'debug';

/** Caller -> engine. */
export type ToEngine = { id: number; request: EngineRequest } | { id: number; cancel: true };

/** Engine -> caller. */
export type FromEngine =
  | { id: number; reply: EngineReply }
  | { id: number; error: EngineError }
  | { id: number; cancelled: true }
  | { id: number; progress: Progress }
  /** The device that is about to be used, for people; null: the CPU again. */
  | { id: number; device: string | null }
  | { log: string; level: LogLevel };

export interface Tally {
  samples: number;
  /** Classes of the scores; 0: the outputs are none. */
  classes: number;
  /** Per model, as in Accuracy; null without labels that fit. */
  accuracies: number[][] | null;
  /** Of the second model against the first; null where there is one. */
  similarity: SimilaritySums | null;
}

/** What a block of samples adds to the similarity of two models: plain sums, so that shards of a job can be put together. */
export interface SimilaritySums {
  /** Per compared tensor: of Likeness, and of ClassLikeness where it holds scores of classes. */
  tensors: { tensor: string; power: number[]; classes: number[] | null }[];
  /** Per output that holds no floats: of EqualShare. */
  labels: { output: string; sums: number[] }[];
  /** Per output with rows that come and go: blocks with as many rows in both, and blocks. */
  rows: { output: string; sums: number[] }[];
  /** Of BoxAgreement; null: the outputs are no boxes. */
  boxes: number[] | null;
}
