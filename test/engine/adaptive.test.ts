/** Work that moves between devices: taken over where it is faster, given back where a device fails. */
import { toBinary } from '@bufbuild/protobuf';
import chromium from '@sparticuz/chromium';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Devices, type SessionGraph } from '../../src/engine/process/devices/adaptiveSession';
import type { Probed } from '../../src/engine/process/devices/probe';
import { EngineFault } from '../../src/engine/process/job/faults';
import { Job } from '../../src/engine/process/job/job';
import { type Feeds, Session } from '../../src/engine/process/ort/session';
import type { EvaluateRequest } from '../../src/engine/protocol';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { tinyCnn } from '../support/models/zoo';
import { save, scratch, startEngine, synthetic } from './harness';

const graph: SessionGraph = {
  bytes: () => toBinary(ModelProtoSchema, tinyCnn()),
  folder: '.',
  model: 'net.onnx',
};

const size = 3 * 8 * 8;
const feeds: Feeds = {
  input: {
    type: 'float32',
    data: Float32Array.from({ length: 2 * size }, (_, i) => Math.sin(i)),
    dims: [2, 3, 8, 8],
  },
};

const only = 'cuda';
const found = (provider: string): Promise<Probed> =>
  Promise.resolve(
    provider === only ? { works: true, device: 'Imaginary 9000' } : { works: false, reason: 'absent' },
  );

/** A device that is the CPU in disguise, with a fault of its own; the real CPU takes its time. */
async function devices(run: (outputs: Feeds, count: number) => Feeds) {
  const log: string[] = [];
  const job = new Job(
    () => undefined,
    (level, line) => log.push(`${level}: ${line}`),
  );
  const open = Session.open.bind(Session);
  vi.spyOn(Session, 'open').mockImplementation(async (bytes, options) => {
    const session = await open(bytes, { ...options, provider: 'cpu' });
    const runs = session.runTensors.bind(session);
    let count = 0;
    vi.spyOn(session, 'runTensors').mockImplementation(async (given) => {
      const outputs = await runs(given);
      if (options.provider !== 'cpu') return run(outputs, ++count);
      await new Promise((done) => setTimeout(done, 100));
      return outputs;
    });
    return session;
  });
  return { all: await Devices.open('auto', job, found), log };
}
afterEach(() => vi.restoreAllMocks());

const values = (outputs: Feeds) => [...(Object.values(outputs)[0].data as Float32Array)];

/** Enough for any device to be worth its while. */
const MANY = 1000;

describe('"auto"', () => {
  it('moves to a device that computes the same, sooner, and names both', async () => {
    const { all, log } = await devices((outputs) => outputs);
    const session = all.session(graph);
    const first = values(await session.runTensors(feeds, MANY));
    expect(values(await session.runTensors(feeds, MANY - 1))).toEqual(first);
    expect(all.label).toMatch(/^CPU, \d+ threads? and Imaginary 9000$/);
    expect(all.warnings).toEqual([]);
    expect(log.join()).toMatch(/Imaginary 9000: \d+ ms a run, the CPU \d+ ms/);
    await session.close();
  });

  it('stays where the work is short', async () => {
    const { all } = await devices((outputs) => outputs);
    const session = all.session(graph);
    await session.runTensors(feeds, 2);
    await session.runTensors(feeds, 1);
    expect(all.label).toMatch(/^CPU, \d+ threads?$/);
    await session.close();
  });

  it('does not trust a device that computes something else', async () => {
    const { all } = await devices((outputs) =>
      Object.fromEntries(
        Object.entries(outputs).map(([name, t]) => [
          name,
          { ...t, data: (t.data as Float32Array).map((x) => x + 1) } as Feeds[string],
        ]),
      ),
    );
    const session = all.session(graph);
    await session.runTensors(feeds, MANY);
    expect(all.warnings).toEqual([
      expect.stringMatching(/^Imaginary 9000 was not used: its results differ from the CPU's by [\d.]+ %\.$/),
    ]);
    expect(all.label).toMatch(/^CPU/);
    await session.close();
  });

  it('goes on with the CPU where the device is lost in mid-run, and does not try it again', async () => {
    const { all, log } = await devices((outputs, count) => {
      // The check, the timing, one block; then somebody pulls the plug.
      if (count > 3) throw new EngineFault('ONNX Runtime cannot run net.onnx: Device lost.');
      return outputs;
    });
    const session = all.session(graph);
    const first = values(await session.runTensors(feeds, MANY));
    for (let i = 1; i < 4; i++) expect(values(await session.runTensors(feeds, MANY - i))).toEqual(first);
    const lost =
      'Imaginary 9000 failed and the CPU did the rest: ONNX Runtime cannot run net.onnx: Device lost.';
    expect(all.warnings).toEqual([lost]);
    expect(log).toContain(`warn: ${lost}`);
    await session.close();
    const next = all.session(graph);
    await next.runTensors(feeds, MANY);
    expect(all.warnings).toEqual([lost]);
    await next.close();
  });
});

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('evaluation', () => {
  const request = (model: string): EvaluateRequest => ({
    kind: 'evaluate',
    model,
    other: model,
    data: synthetic(8),
    allSamples: false,
    perLayer: false,
  });

  it('runs on WebGPU where that is forced, names the device and agrees with the CPU', async () => {
    const folder = scratch();
    await chromium.executablePath();
    symlinkSync('/tmp/libvk_swiftshader.so', join(folder, 'libvulkan.so.1'));
    const { engine } = startEngine({ env: { LD_LIBRARY_PATH: folder } });
    const path = save(tinyCnn());
    const gpu = await engine.request({ ...request(path), provider: 'webgpu' });
    expect(gpu).toMatchObject({ provider: 'WebGPU: SwiftShader (software)', warnings: [], samples: 8 });
    expect(gpu.against?.agreement).toBe(1);
    const { provider, samples } = await engine.request(request(path));
    expect(provider).toMatch(/^CPU, /);
    expect(samples).toBe(8);
  });

  it('refuses a forced provider that cannot start, and says what is missing', async () => {
    const { engine } = startEngine({ env: { LD_LIBRARY_PATH: scratch(), VK_ICD_FILENAMES: '/none' } });
    const path = save(tinyCnn());
    await expect(engine.request({ ...request(path), provider: 'webgpu' })).rejects.toThrow(
      /^WebGPU cannot be used here: it needs a Vulkan driver/,
    );
    await expect(engine.request({ ...request(path), provider: 'dml' })).rejects.toThrow(/Windows only/);
  });
});
