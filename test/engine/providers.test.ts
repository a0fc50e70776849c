import chromium from '@sparticuz/chromium';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDataset } from '../../src/calibration/open';
import { gramToOrm } from '../../src/core/scoring/orthogonality';
import type { Probed } from '../../src/engine/process/devices/probe';
import { Job } from '../../src/engine/process/job/job';
import { Samples } from '../../src/engine/process/ort/samples';
import { Session } from '../../src/engine/process/ort/session';
import { probeBatches } from '../../src/engine/process/score/batchProbe';
import { moveToFasterDevice } from '../../src/engine/process/score/scoreDevice';
import { ScoringContext } from '../../src/engine/process/score/scoringContext';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import { tinyCnn } from '../support/models/zoo';
import { quantize } from './exporting';
import { save, scoreOnce, scoreRequest, scratch, startEngine, synthetic } from './harness';

describe('a provider that the user insists on', () => {
  it.skipIf(process.platform !== 'linux')(
    'and that this machine does not have, says what is missing',
    async () => {
      const path = save(tinyCnn());
      const refused = (provider: 'cuda' | 'dml' | 'coreml', message: RegExp) =>
        expect(scoreOnce(path, synthetic(2), { provider })).rejects.toThrow(message);
      await refused(
        'dml',
        /^DirectML cannot be used here: it exists on Windows only \(.*\)\. Use provider "auto"/,
      );
      await refused('coreml', /^CoreML cannot be used here: it exists on macOS only/);
      const { engine } = startEngine({ env: { LD_LIBRARY_PATH: scratch(), VK_ICD_FILENAMES: '/none' } });
      await expect(engine.request(scoreRequest(path, synthetic(2), { provider: 'webgpu' }))).rejects.toThrow(
        /^WebGPU cannot be used here: it needs a Vulkan driver .*Failed to get a WebGPU adapter/,
      );
      // The engine has survived that, and says so once more at once.
      await expect(engine.request(scoreRequest(path, synthetic(2)))).resolves.toMatchObject({ samples: 2 });
    },
  );
});

/** A Vulkan device in software, carried by npm (Linux on x64). */
async function softwareVulkan(): Promise<string> {
  const folder = scratch();
  await chromium.executablePath();
  symlinkSync('/tmp/libvk_swiftshader.so', join(folder, 'libvulkan.so.1'));
  return folder;
}

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'WebGPU on a device in software',
  () => {
    it('gives the scores of the CPU to 1e-4, and names the device', async () => {
      const path = save(tinyCnn());
      const data = synthetic(4);
      const { reply: cpu } = await scoreOnce(path, data);
      const { engine } = startEngine({ env: { LD_LIBRARY_PATH: await softwareVulkan() } });
      const gpu = await engine.request(scoreRequest(path, data, { provider: 'webgpu' }));
      expect(gpu.provider).toBe('WebGPU: SwiftShader (software)');
      expect(gpu.warnings).toEqual([]);
      for (const centered of [true, false]) {
        const expected = gramToOrm(cpu.grams, 4, 4, { centered });
        gramToOrm(gpu.grams, 4, 4, { centered }).forEach((value, k) => {
          expect(Math.abs(value - expected[k])).toBeLessThan(1e-4);
        });
      }
    });

    it.each([[[2, 3, 4, 5]], [[6, 7, 8, 16]]])(
      'runs an exported file of %j bits with the results of the CPU',
      async (width) => {
        const model = save(tinyCnn());
        const { out } = await quantize(model, { width, rounding: 'nearest' });
        const asked = { kind: 'evaluate', model, other: out, data: synthetic(8), allSamples: false } as const;
        const { engine: cpu } = startEngine();
        const expected = await cpu.request({ ...asked, perLayer: false });
        const { engine } = startEngine({ env: { LD_LIBRARY_PATH: await softwareVulkan() } });
        const found = await engine.request({ ...asked, perLayer: false, provider: 'webgpu' });
        expect(found.provider).toBe('WebGPU: SwiftShader (software)');
        expect(found.warnings).toEqual([]);
        expect(expected.provider).toMatch(/^CPU/);
        // The difference that quantizing makes is the same: a weight unpacked otherwise would show in it.
        const [a, b] = [expected.against!.outputs[0], found.against!.outputs[0]];
        expect(Math.abs(a.sqnrDb! - b.sqnrDb!)).toBeLessThan(0.01);
        expect(Math.abs(a.cosine! - b.cosine!)).toBeLessThan(1e-5);
        expect(a.sqnrDb).toBeLessThan(70);
      },
    );
  },
);

it('a driver that crashes takes only the probe with it', async () => {
  const preload = join(scratch(), 'crash.js');
  writeFileSync(preload, "if (process.argv[2] === 'probe') process.kill(process.pid, 'SIGSEGV');");
  const { engine } = startEngine({ env: { NODE_OPTIONS: `--require ${preload}` } });
  const path = save(tinyCnn());
  await expect(engine.request(scoreRequest(path, synthetic(2), { provider: 'webgpu' }))).rejects.toThrow(
    /^WebGPU cannot be used here: .*WebGPU crashed when it was started \(SIGSEGV\)/,
  );
  const pid = engine.pid;
  await engine.request(scoreRequest(path, synthetic(2)));
  expect(engine.pid).toBe(pid);
});

describe('"auto", with hours of work ahead', () => {
  async function choose(answers: (provider: string) => Probed, millisecondsPerSample = 1e6) {
    const path = save(tinyCnn());
    const data = synthetic(4);
    const model = await readModel(path);
    const network = findNetwork(model);
    const log: string[] = [];
    const job = new Job(
      () => undefined,
      (_, line) => log.push(line),
    );
    const samples = await Samples.open(await openDataset(data, network.inputs), 1e9, job, () => undefined);
    const context = new ScoringContext(path, network, samples, 'cpu', job);
    const probed = { ...(await probeBatches(context, model)), millisecondsPerSample };
    onTestFinished(() => probed.session?.close());
    const chosen = await moveToFasterDevice(context, probed, (provider) =>
      Promise.resolve(answers(provider)),
    );
    return { chosen, log: log.join('\n'), probed };
  }

  it('stays on the CPU where nothing starts, or only what the CPU plays', async () => {
    const none = await choose(() => ({ works: false, reason: 'No supported adapters' }));
    expect(none.chosen).toMatchObject({ provider: 'cpu', warnings: [] });
    expect(none.log).toContain('WebGPU is not used: No supported adapters.');
    const software = await choose(() => ({ works: true, device: 'WebGPU: SwiftShader (software)' }));
    expect(software.chosen).toMatchObject({ provider: 'cpu', warnings: [] });
    expect(software.log).toContain('WebGPU: SwiftShader (software) is not used');
  });

  it('says why a device that starts is not used all the same', async () => {
    // DirectML and CUDA need files that are not installed with the tests.
    const fails = process.platform === 'darwin' ? 'coreml' : 'cuda';
    const { chosen, probed } = await choose((provider) =>
      provider === fails ? { works: true, device: 'Imaginary 9000' } : { works: false, reason: 'absent' },
    );
    expect(chosen.provider).toBe('cpu');
    expect(chosen.warnings).toEqual([
      expect.stringMatching(/^Imaginary 9000 was not used: ONNX Runtime cannot load/),
    ]);
    expect(probed.session).not.toBeNull();
  });

  it('stays on the CPU, and says so, where the device is slower on the first samples', async () => {
    const open = Session.open.bind(Session);
    const imaginary = process.platform === 'darwin' ? 'coreml' : 'cuda';
    let ran = 0;
    const spy = vi.spyOn(Session, 'open').mockImplementation(async (bytes, options) => {
      const session = await open(bytes, { ...options, provider: 'cpu' });
      if (options.provider !== imaginary) return session;
      const run = session.run.bind(session);
      vi.spyOn(session, 'run').mockImplementation(async (feeds) => {
        // Two samples are soon done; more of them take longer than the second each that the CPU is said to take.
        if (++ran > 2) await new Promise((done) => setTimeout(done, 4500));
        return run(feeds);
      });
      return session;
    });
    onTestFinished(() => spy.mockRestore());
    const { chosen } = await choose(
      (provider) =>
        provider === imaginary
          ? { works: true, device: 'Imaginary 9000' }
          : { works: false, reason: 'absent' },
      1000,
    );
    expect(ran).toBe(3);
    expect(chosen).toMatchObject({ provider: 'cpu' });
    expect(chosen.warnings).toEqual([
      expect.stringMatching(
        /^Imaginary 9000 was not used: it is slower \([\d.]+ ms a sample, the CPU 1000\.0 ms\)\.$/,
      ),
    ]);
  });
});
