/**
 * Real models, changed at random with a fixed seed, through the engine: every request ends in time, in an answer or in
 * one sentence; the caller, its memory and its neighbours' files stay as they are. OMPQ_FUZZ_MINUTES for longer runs, OMPQ_FUZZ_ROUNDS for an end by number.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clone, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';
import { CancelledError, Engine, EngineCrashError, EngineRequestError } from '../../src/engine/client';
import type { EngineRequest, InspectRequest, ReplyTo } from '../../src/engine/protocol';
import { ModelProtoSchema, type ModelProto } from '../../src/onnx/proto/onnx_pb';
import { Random } from '../support/models/random';
import { paddleClassifier, sileroV5 } from '../support/models/thirdparty';
import { mobilenetV2, resnet18, tinyCnn, transformer } from '../support/models/zoo';
import { SCRIPT } from '../engine/script';
import { LINKED, MUTATIONS } from './mutations';
import { makeSandbox } from './sandbox';
import { placeLinked } from './structure';

const MINUTES = Number(process.env.OMPQ_FUZZ_MINUTES ?? 0.6);
/** The same cases on a fast machine as on a slow one, unless a longer run is asked for. */
const MOST_ROUNDS = Number(
  process.env.OMPQ_FUZZ_ROUNDS ?? (process.env.OMPQ_FUZZ_MINUTES === undefined ? 300 : Infinity),
);
const SEED = Number(process.env.OMPQ_FUZZ_SEED ?? 1);
/** One round alone, to look at what it found. */
const ROUND = process.env.OMPQ_FUZZ_ROUND;
/** A request that takes longer is stopped, as a user would stop it. */
const LIMIT_MS = 15_000;
/** From the limit to the end of the request, on the busiest machine: beyond it, stopping hangs. */
const STOP_MS = 120_000;
const MEMORY_LIMIT = 512e6;
/** The limit, the runtime itself, and what a model's own constants take. */
const MOST_MEMORY = 2e9;

const small = { size: 32, width: 0.1 };
const models: Record<string, ModelProto> = {
  tinyCnn: tinyCnn({ batchNorm: true }),
  transformer: transformer(),
  resnet18: resnet18(small),
  mobilenetV2: mobilenetV2(small),
  'PaddleOCR classifier': fromBinary(ModelProtoSchema, readFileSync(paddleClassifier.path)),
  'Silero VAD 5': fromBinary(ModelProtoSchema, readFileSync(sileroV5.path)),
};

function damageBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let out = Uint8Array.from(bytes);
  for (let hits = 1 + random.int(6); hits > 0; hits--) {
    const at = random.int(out.length);
    const kind = random.int(8);
    // The structure lies at the ends more than in the weights.
    const near = random.int(2) ? random.int(Math.min(2000, out.length)) : at;
    if (kind < 5) out[near] = random.int(256);
    else if (kind === 5) out = out.subarray(0, at + 1);
    else if (kind === 6)
      out = Uint8Array.from([...out.subarray(0, near), ...out.subarray(near + random.int(40))]);
    else out.fill(0xff, near, near + random.int(12));
  }
  return out;
}

interface Case {
  title: string;
  bytes: Uint8Array;
  /** Behind links, at random. */
  links: Random | null;
}

/** The same for the same seed and round, whatever went before. */
function makeCase(round: number, outside: string): Case {
  const random = new Random(SEED * 1_000_003 + round);
  const names = Object.keys(models);
  const name = names[random.int(names.length)];
  const kinds = ['bytes', ...Object.keys(MUTATIONS)];
  const kind = kinds[round % kinds.length];
  const title = `round ${round} of seed ${SEED}: ${kind} of ${name}`;
  if (kind === 'bytes')
    return { title, bytes: damageBytes(toBinary(ModelProtoSchema, models[name]), random), links: null };
  const model = clone(ModelProtoSchema, models[name]);
  for (let times = 1 + random.int(3); times > 0; times--) MUTATIONS[kind](model, random, outside);
  const links = kind === LINKED && process.platform !== 'win32' ? random : null;
  return { title, bytes: toBinary(ModelProtoSchema, model), links };
}

function isWhole(path: string): boolean {
  try {
    const { metadataProps } = fromBinary(ModelProtoSchema, readFileSync(path));
    return metadataProps.some(({ key }) => key === 'ompq.bits');
  } catch {
    return false;
  }
}

function peakBytes(pid: number | undefined): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  } catch {
    return 0;
  }
}

describe('hostile models', () => {
  const sandbox = makeSandbox();
  const engine = new Engine({ script: SCRIPT, log: () => undefined, graceMs: 500 });
  afterAll(() => {
    engine.dispose();
    sandbox.remove();
  });
  const outcomes = { answered: 0, refused: 0, stopped: 0, crashed: 0 };
  const model = join(sandbox.inside, 'hostile.onnx');
  const out = join(sandbox.inside, 'small.onnx');
  const findings: string[] = [];
  /** The last request was stopped. */
  let stopped = false;

  /** The reply, or null where the request was refused or stopped. */
  async function ask<T extends EngineRequest>(title: string, request: T): Promise<ReplyTo<T> | null> {
    const start = performance.now();
    stopped = false;
    const watch = setInterval(() => sandbox.isRead() && found('read outside its folder'), 250);
    const found = (what: string) => findings.push(`${title}, ${request.kind}: ${what}`);
    try {
      const reply = await engine.request(request, { signal: AbortSignal.timeout(LIMIT_MS) });
      outcomes.answered++;
      return reply;
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof CancelledError) {
        outcomes.stopped++;
        stopped = true;
        console.log(`${title}, ${request.kind}: stopped after ${LIMIT_MS} ms`);
      } else if (error instanceof EngineCrashError) outcomes.crashed++;
      else if (error instanceof EngineRequestError) outcomes.refused++;
      else found(`${(error as Error).stack}`);
      if (/[\n\r]|\bat \w+ \(|undefined|\[object|^\w*Error:/.test(message) || message.length > 1000) {
        found(`not one sentence for people: ${JSON.stringify(message.slice(0, 500))}`);
      }
      return null;
    } finally {
      clearInterval(watch);
      const took = performance.now() - start;
      if (took > LIMIT_MS + STOP_MS) found(`took ${Math.round(took)} ms`);
      const peak = peakBytes(engine.pid);
      if (peak > MOST_MEMORY) found(`took ${Math.round(peak / 1e6)} MB`);
    }
  }

  async function play({ title, bytes, links }: Case): Promise<void> {
    sandbox.clear();
    if (links) placeLinked(bytes, links, sandbox.inside, sandbox.outside);
    else writeFileSync(model, bytes);
    const common = { model, granularity: 'layer', shapes: {} } as const;
    await ask(title, { kind: 'listing', model });
    const inspected = await ask<InspectRequest>(title, { kind: 'inspect', ...common });
    const data = { path: null, samples: 2, seed: 0, shapes: {}, preprocessing: { preset: 'raw' } } as const;
    const scored =
      inspected &&
      (await ask(title, {
        kind: 'score',
        model,
        granularity: 'layer',
        data,
        provider: 'cpu',
        memoryLimit: MEMORY_LIMIT,
      }));
    if (scored) {
      const bits = inspected.network.functions.map(() => 4);
      const how = {
        overwrite: true,
        rounding: 'nearest',
        scaleType: 'float32',
        activations: null,
        config: 'a'.repeat(64),
      } as const;
      const done = await ask(title, {
        kind: 'export',
        ...common,
        ...how,
        out,
        bits,
        data,
        memoryLimit: MEMORY_LIMIT,
      });
      // One that was stopped while it answered has written its file: a whole one.
      const isExpected = stopped ? !existsSync(out) || isWhole(out) : existsSync(out) === (done !== null);
      if (!isExpected) findings.push(`${title}: a refused export left a file, or a part of one`);
    }
    for (const name of sandbox.trespasses()) findings.push(`${title}: touched ${name}`);
    if (existsSync('/tmp/ompq-pwned')) findings.push(`${title}: ran a command`);
  }

  it(
    'end in an answer or in one sentence',
    async () => {
      if (ROUND !== undefined) await play(makeCase(Number(ROUND), sandbox.outside));
      const end = Date.now() + MINUTES * 60_000;
      let round = 0;
      for (; ROUND === undefined && round < MOST_ROUNDS && Date.now() < end; round++) {
        await play(makeCase(round, sandbox.outside));
      }
      console.log(`${round} hostile models: ${JSON.stringify(outcomes)}`);
      expect(findings).toEqual([]);
      if (ROUND !== undefined) return;
      // Both must happen, or the mutations would prove nothing.
      expect(outcomes.answered).toBeGreaterThan(0);
      expect(outcomes.refused).toBeGreaterThan(0);
    },
    MINUTES * 60_000 + 600_000,
  );
});
