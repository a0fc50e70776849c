/** The only place that loads onnxruntime-node: sessions, tensors, and its errors in words for people. */
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import type { Tensor } from '../../../calibration/inputs/dataset';
import { EngineFault } from '../job/faults';

export type ExecutionProvider = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
export type Feeds = Record<string, Tensor>;

export interface SessionOptions {
  provider: ExecutionProvider;
  /** Folder that external weights are looked up in. */
  folder: string;
  /** Path of the model, for messages. */
  model: string;
  /**
   * Freed activations stay with the session for the next ones: an eighth less processor time in the large pass over
   * MobileNetV2, for twice the memory (measured).
   */
  arena?: boolean;
  /**
   * Threads sleep between two runs instead of spinning: for sessions that take turns with work of ours, a third of whose
   * processor time was spinning (measured).
   */
  sleeps?: boolean;
  /** Tensors keep the layout of the file: no kernels that want channels in blocks. */
  plainLayout?: boolean;
  /** Pairs of QuantizeLinear and DequantizeLinear are computed as they stand, without integer kernels. */
  literal?: boolean;
  /** Prefix of the file that ONNX Runtime's profile is written to when the session closes. */
  profile?: string;
  /** Where `run` adds its time. */
  clock?: Clock;
}

/** Milliseconds. */
export interface Clock {
  /** Inside ONNX Runtime; its own copies to a device and back are part of that and cannot be told apart. */
  running: number;
  /** Samples into tensors, results out of them. */
  moving: number;
}

let runtime: Promise<typeof Ort> | undefined;

/** @throws EngineFault where this platform has no binary or the binary cannot be loaded. */
export function onnxRuntime(): Promise<typeof Ort> {
  runtime ??= import('onnxruntime-node').then(
    (ort) => {
      // Errors arrive as exceptions, and warnings about graphs are not for our users.
      ort.env.logLevel = 'fatal';
      return ort;
    },
    (error: unknown) => {
      runtime = undefined;
      throw new EngineFault(
        `ONNX Runtime cannot be loaded on this machine (${process.platform} ${process.arch}): ${firstLine(error)}; reinstall the extension for this platform.`,
        { cause: error },
      );
    },
  );
  return runtime;
}

export const threads = (): number => availableParallelism();

/** What people call them. */
export const PROVIDER_NAMES: Record<ExecutionProvider, string> = {
  cpu: 'CPU',
  webgpu: 'WebGPU',
  cuda: 'CUDA',
  dml: 'DirectML',
  coreml: 'CoreML',
};

/** For people: "CPU, 2 threads". Of other devices the probe knows the name. */
export function deviceLabel(provider: ExecutionProvider): string {
  if (provider !== 'cpu') return PROVIDER_NAMES[provider];
  const count = threads();
  return `CPU, ${count} ${count === 1 ? 'thread' : 'threads'}`;
}

/** A loaded graph. Outputs are float32 (Gram matrices, features) or int64 (shapes). */
export class Session {
  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    private readonly options: SessionOptions,
  ) {}

  /** @param bytes the serialized model; external weights are read by ONNX Runtime itself. */
  static async open(bytes: Uint8Array, options: SessionOptions): Promise<Session> {
    const ort = await onnxRuntime();
    try {
      const session = await ort.InferenceSession.create(bytes, {
        executionProviders: [options.provider],
        intraOpNumThreads: threads(),
        graphOptimizationLevel: options.plainLayout ? 'extended' : 'all',
        enableCpuMemArena: options.arena ?? false,
        enableMemPattern: options.arena ?? false,
        logSeverityLevel: 4,
        ...(options.profile ? { enableProfiling: true, profileFilePrefix: options.profile } : {}),
        extra: {
          session: {
            model_external_initializers_file_folder_path: options.folder,
            ...(options.sleeps ? { intra_op: { allow_spinning: '0' } } : {}),
            ...(options.literal ? { disable_quant_qdq: '1' } : {}),
          },
        },
      });
      return new Session(ort, session, options);
    } catch (error) {
      throw runtimeFault(error, `ONNX Runtime cannot load ${basename(options.model)}`);
    }
  }

  /** Feeds that the graph does not read are left out. Outputs by name. */
  async run(feeds: Feeds): Promise<Record<string, Float32Array | BigInt64Array>> {
    const begin = performance.now();
    const tensors = Object.fromEntries(
      this.session.inputNames.map((name) => [name, this.tensor(name, feeds[name])]),
    );
    const ready = performance.now();
    let outputs: Ort.InferenceSession.OnnxValueMapType;
    try {
      outputs = await this.session.run(tensors);
    } catch (error) {
      throw runFault(error, this.options.model);
    }
    const done = performance.now();
    const results = Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [name, value.data as Float32Array | BigInt64Array]),
    );
    const { clock } = this.options;
    if (clock) {
      clock.running += done - ready;
      clock.moving += ready - begin + (performance.now() - done);
    }
    return results;
  }

  /** As run, for outputs of any type, with their dims. */
  async runTensors(feeds: Feeds): Promise<Feeds> {
    const tensors = Object.fromEntries(
      this.session.inputNames.map((name) => [name, this.tensor(name, feeds[name])]),
    );
    try {
      const outputs = await this.session.run(tensors);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { type, data, dims }]) => [
          name,
          { type, data, dims: [...dims] } as Tensor,
        ]),
      );
    } catch (error) {
      throw runFault(error, this.options.model);
    }
  }

  async close(): Promise<void> {
    if (this.options.profile) this.session.endProfiling();
    await this.session.release();
  }

  private tensor(name: string, value: Tensor | undefined): Ort.Tensor {
    if (!value) {
      throw new EngineFault(
        `${basename(this.options.model)} asks for the input "${name}", which the data does not have.`,
      );
    }
    return new this.ort.Tensor(value.type as 'float32', value.data as Float32Array, value.dims);
  }
}

/** The session does not run on what it was given. */
export class RunFault extends EngineFault {}

function runFault(error: unknown, model: string): EngineFault {
  const fault = runtimeFault(error, `ONNX Runtime cannot run ${basename(model)} on this data`);
  return isOutOfMemory(firstLine(error)) ? fault : new RunFault(fault.message, { cause: error });
}

function isOutOfMemory(reason: string): boolean {
  return /bad_alloc|bad allocation|Failed to allocate memory|out of memory|BFCArena/i.test(reason);
}

function runtimeFault(error: unknown, what: string): EngineFault {
  const reason = firstLine(error);
  if (isOutOfMemory(reason)) {
    return new EngineFault(
      `${what}: memory ran out; lower the number of samples or the memory limit, or close other programs.`,
      { cause: error },
    );
  }
  const unknown = unknownOperator(reason);
  const told =
    unknown === null
      ? reason
      : `it has no operator ${unknown}; ompq inspect shows such a model, but to run and quantize it, export it with operators that ONNX Runtime has`;
  return new EngineFault(`${what}: ${told}.`, { cause: error });
}

/** "domain:Name", or the name alone of a standard operator; null: something else is wrong. */
function unknownOperator(reason: string): string | null {
  return (
    /No Op registered for (\S+) /.exec(reason)?.[1] ??
    /(\S+?)\(-?\d+\) is not a registered/.exec(reason)?.[1] ??
    null
  );
}

/** First line of a native error, without the prefixes and source locations that ONNX Runtime adds. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .split('\n', 1)[0]
    .replace(/^(?:Error: )?(?:\[ONNXRuntimeError\] : \d+ : \w+ : )?/, '')
    .replace(
      /^Non-zero status code returned while running (\w+) node\. Name:'([^']*)' Status Message: /,
      '$1 "$2": ',
    )
    .replace(/\/\S+\/core\/\S+:\d+ \S.*? was false\. /, '')
    .replace(/\/\S+\/core\/\S+:\d+ (?:virtual )?\S.*?\) /, '')
    .trim()
    .replace(/\.$/, '')
    .slice(0, 400);
}
