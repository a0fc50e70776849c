/** Entry of the engine process (dist/engine.js). Serves requests by node IPC and ends with its parent's channel. */
import { basename } from 'node:path';
import { DataError } from '../../calibration/inputs/errors';
import { OnnxError } from '../../common/fileErrors';
import {
  TRACE,
  type EngineError,
  type EngineReply,
  type EngineRequest,
  type FromEngine,
  type ToEngine,
} from '../protocol';
import { contest } from './contest/contest';
import { noise } from './contest/noiseRequest';
import { doctor } from './devices/doctor';
import { PROBE, runProbe } from './devices/probe';
import { evaluate } from './evaluate/evaluate';
import { exportModel } from './export/exportModel';
import { isGuard, startGuard } from './guard';
import { inspect } from './inspect/inspect';
import { listing, statistics } from './inspect/listing';
import { preview } from './inspect/preview';
import { EngineFault, JobCancelled } from './job/faults';
import { Job } from './job/job';
import { flushTrace, span, startTrace } from './job/trace';
import { latency } from './latency/latency';
import { type ExecutionProvider, RunFault } from './ort/session';
import { scales } from './rounding/scales';
import { score } from './score/score';

const jobs = new Map<number, Job>();

function send(message: FromEngine): void {
  process.send?.(message);
}

/** Resolves when the message is out. */
function sent(message: FromEngine): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(message, () => resolve());
    else resolve();
  });
}

function perform(request: EngineRequest, job: Job): Promise<EngineReply> {
  switch (request.kind) {
    case 'doctor':
      return doctor(job);
    case 'inspect':
      return inspect(request, job);
    case 'preview':
      return preview(request, job);
    case 'listing':
      return listing(request);
    case 'statistics':
      return statistics(request);
    case 'scales':
      return scales(request, job);
    case 'score':
      return score(request, job);
    case 'noise':
      return noise(request, job);
    case 'latency':
      return latency(request, job);
    case 'contest':
      return contest(request, job);
    case 'export':
      return exportModel(request, job);
    case 'evaluate':
      return evaluate(request, job);
  }
}

async function serve(id: number, request: EngineRequest): Promise<void> {
  const job = new Job(
    (progress) => send({ id, progress }),
    (level, log) => send({ log, level }),
    (device) => sent({ id, device }),
  );
  jobs.set(id, job);
  try {
    const reply = await span(request.kind, () => perform(request, job));
    flushTrace();
    send({ id, reply });
  } catch (error) {
    if (error instanceof JobCancelled || job.signal.aborted) send({ id, cancelled: true });
    else send({ id, error: toEngineError(error, request) });
  } finally {
    jobs.delete(id);
  }
}

function toEngineError(error: unknown, request: EngineRequest): EngineError {
  const model = 'model' in request ? basename(request.model) : 'this machine';
  if (!(error instanceof Error)) return { message: String(error) };
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : '';
  const stack = `${error.stack}${cause}`;
  const values = 'data' in request ? Object.entries(request.data?.values ?? {}) : [];
  if (error instanceof RunFault && values.length > 0) {
    const given = values.map(([name, value]) => `${name}=${value}`).join(', ');
    return { message: `${model} does not run with ${given}: choose another value. ${error.message}`, stack };
  }
  if (error instanceof EngineFault || error instanceof OnnxError || error instanceof DataError) {
    return { message: error.message, stack };
  }
  if (
    error instanceof RangeError &&
    /allocation|Invalid typed array length|Invalid array/.test(error.message)
  ) {
    return {
      message: `There is not enough memory for ${model}; lower the number of samples or the memory limit.`,
      stack,
    };
  }
  return { message: `${model} cannot be used: ${error.message.split('\n', 1)[0]}`, stack };
}

// Ctrl+C in a terminal reaches every process of the command: the one that asked decides, and cancels or hangs up.
process.on('SIGINT', () => undefined);

if (process.argv[2] === PROBE) {
  void runProbe(process.argv[3] as ExecutionProvider).then((answer) => process.send?.(answer));
} else if (!isGuard()) {
  startTrace(process.env[TRACE]);
  process.on('message', (message: ToEngine) => {
    if ('cancel' in message) jobs.get(message.id)?.cancel();
    else void serve(message.id, message.request);
  });
  process.on('disconnect', () => process.exit(0));
  startGuard(__filename);
}
