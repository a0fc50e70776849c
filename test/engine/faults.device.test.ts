/** A graphics driver that starts well in the probe and takes the engine with it later: in session creation, or in a run. */
import { describe, expect, it } from 'vitest';
import type { EngineRequest } from '../../src/engine/protocol';
import { tinyCnn } from '../support/models/zoo';
import { save, scoreRequest, startEngine, synthetic } from './harness';
import { IMAGINARY, imaginaryDevice } from './imaginary';

const score = (provider: 'auto' | 'webgpu'): EngineRequest =>
  scoreRequest(save(tinyCnn(), 'net.onnx'), synthetic(64), { provider });
const evaluation = (provider: 'auto' | 'webgpu'): EngineRequest => ({
  kind: 'evaluate',
  model: save(tinyCnn(), 'net.onnx'),
  other: save(tinyCnn(), 'other.onnx'),
  data: synthetic(160),
  allSamples: false,
  perLayer: false,
  provider,
});

describe.skipIf(process.platform === 'win32').each(['session', 'run'] as const)(
  'a driver that crashes in the engine (%s)',
  (stage) => {
    it.each([
      ['scoring', score, 400, 3],
      ['evaluating', evaluation, 1500, 7],
    ] as const)(
      'while %s: "auto" ends on the CPU, with a word, and stays there',
      async (_, ask, cpuMilliseconds, slowRuns) => {
        const { engine, log } = startEngine({
          env: imaginaryDevice({ crash: stage, cpuMilliseconds, slowRuns }),
        });
        const fractions: number[] = [];
        const reply = await engine.request(ask('auto'), { onProgress: (p) => fractions.push(p.fraction) });
        const word = `${IMAGINARY} crashed (SIGSEGV) and the CPU did the work; it is not tried again before a restart.`;
        expect(reply).toMatchObject({
          provider: expect.stringMatching(/^CPU, /) as string,
          warnings: [word],
        });
        expect(log).toContain(`warn: ${word}`);
        expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
        const pid = engine.pid;
        const next = await engine.request(ask('auto'));
        expect(next).toMatchObject({ provider: expect.stringMatching(/^CPU, /) as string, warnings: [] });
        expect(engine.pid).toBe(pid);
        expect(log).toContain(
          `info: ${IMAGINARY} has crashed before and is not tried again: the CPU is used.`,
        );
      },
    );

    it.each([
      ['scoring', score],
      ['evaluating', evaluation],
    ] as const)(
      'while %s: a forced one is told in one sentence, and the next run works',
      async (what, ask) => {
        const { engine } = startEngine({ env: imaginaryDevice({ crash: stage }) });
        await expect(engine.request(ask('webgpu'))).rejects.toThrow(
          `The engine crashed in native code (SIGSEGV) while ${what} net.onnx on ${IMAGINARY}; try the CPU (provider "cpu") and fewer samples, and report the model if it happens again.`,
        );
        const cpu = { ...ask('auto'), provider: 'cpu' } as EngineRequest;
        await expect(engine.request(cpu)).resolves.toMatchObject({ warnings: [] });
      },
    );
  },
);
