import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { describe, expect, it } from 'vitest';
import { doctorLines } from '../../src/pipeline/doctorReport';
import { scratch, startEngine } from './harness';

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('the doctor', () => {
  it('names every provider of the platform, and what to do about those that do not start', async () => {
    const { engine } = startEngine({ env: { LD_LIBRARY_PATH: scratch(), VK_ICD_FILENAMES: '/none' } });
    const reply = await engine.request({ kind: 'doctor' });
    expect(reply.providers.map(({ provider }) => provider)).toEqual(['cpu', 'cuda', 'webgpu']);
    const [cpu, cuda, webgpu] = reply.providers;
    expect(cpu).toMatchObject({ works: true, device: expect.stringMatching(/^CPU, \d+ thread/) as string });
    for (const missing of [cuda, webgpu]) {
      expect(missing).toMatchObject({ works: false, device: null });
      expect(missing.note).not.toBe('');
    }
    expect(cuda.fix).toMatch(
      /put libonnxruntime_providers_cuda\.so and libonnxruntime_providers_shared\.so .* into .*onnxruntime-node\/bin\/napi-v\d+\/linux\/x64/,
    );
    expect(webgpu.fix).toMatch(/Vulkan/);
    expect(Object.keys(reply.versions)).toEqual(['Node', 'ONNX Runtime', 'sharp']);
    for (const version of Object.values(reply.versions)) expect(version).toMatch(/^\d+\.\d+/);
    const lines = doctorLines(reply, { OMPQ: '9.9.9' }).join('\n');
    expect(lines).toMatch(/no {3}webgpu/);
    expect(lines).toMatch(/OMPQ +9\.9\.9/);
  });

  it('tells a device in software from a card', async () => {
    const folder = scratch();
    await chromium.executablePath();
    symlinkSync('/tmp/libvk_swiftshader.so', join(folder, 'libvulkan.so.1'));
    const { engine } = startEngine({ env: { LD_LIBRARY_PATH: folder } });
    const { providers } = await engine.request({ kind: 'doctor' });
    expect(providers.find(({ provider }) => provider === 'webgpu')).toMatchObject({
      works: true,
      device: 'WebGPU: SwiftShader (software)',
      note: expect.stringContaining('"auto" does not use it') as string,
    });
  });

  it('survives a driver that crashes', async () => {
    const preload = join(scratch(), 'crash.js');
    writeFileSync(preload, "if (process.argv[2] === 'probe') process.kill(process.pid, 'SIGSEGV');");
    const { engine } = startEngine({ env: { NODE_OPTIONS: `--require ${preload}` } });
    const { providers } = await engine.request({ kind: 'doctor' });
    expect(providers.slice(1).map(({ note }) => note)).toEqual([
      'CUDA crashed when it was started (SIGSEGV)',
      'WebGPU crashed when it was started (SIGSEGV)',
    ]);
  });
});
