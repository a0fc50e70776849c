/** GPTQ's statistics on the chosen provider: second moments of every kind of layer equal the CPU's. */
import chromium from '@sparticuz/chromium';
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { NoiseRequest } from '../../src/engine/protocol';
import { tinyCnn } from '../support/models/zoo';
import { everyLayer } from './exporting';
import { save, scratch, startEngine, synthetic } from './harness';

/** The loader of Vulkan is looked up when a process starts. */
async function softwareVulkan(): Promise<NodeJS.ProcessEnv> {
  const folder = scratch();
  await chromium.executablePath();
  symlinkSync('/tmp/libvk_swiftshader.so', join(folder, 'libvulkan.so.1'));
  return { LD_LIBRARY_PATH: folder };
}

/** Per layer, the largest difference of any moment, response and mean between the devices, relative to the largest. */
const COMPARE = `
  import { Devices } from './src/engine/process/devices/adaptiveSession';
  import { layerMoments } from './src/engine/process/rounding/moments';
  import { LayerwiseRun } from './src/engine/process/rounding/layerwiseRun';
  import { im2colLayer } from './src/engine/process/rounding/roundNetwork';
  import { gatherRows } from './src/engine/process/rounding/rows';
  import { Job } from './src/engine/process/job/job';
  import { readModel } from './src/onnx/files/file';
  import { findNetwork } from './src/onnx/network/functions';
  import { Graph } from './src/onnx/graph/graph';
  import { readFloats } from './src/onnx/proto/tensors';
  import { heldTensors } from './src/onnx/packing/weights';
  (async () => {
    const path = process.argv[2];
    const model = await readModel(path);
    const job = new Job(() => undefined, () => undefined);
    const graph = new Graph(model.graph);
    const data = Float32Array.from({ length: 4 * 3 * 12 * 12 }, (_, i) => Math.sin(i * i));
    const prefix = new LayerwiseRun(model, graph, path, job, [{ x: { type: 'float32', data, dims: [4, 3, 12, 12] } }]);
    const layers = findNetwork(model).functions.flatMap((f) => f.layers)
      .map((layer) => ({ layer, position: graph.producerIndex(layer.output) }))
      .sort((a, b) => a.position - b.position);
    const found = [];
    for (const { layer, position } of layers) {
      await prefix.advance(position, new Map());
      const unfolded = await im2colLayer(model, graph, layer, position, path);
      if (!unfolded) continue;
      const values = await readFloats(heldTensors(model.graph).get(layer.weight).tensor, path);
      const float = { tensors: prefix, output: null, weights: Float32Array.from(gatherRows(values, unfolded.rows)) };
      const on = {};
      for (const provider of ['cpu', 'webgpu']) {
        const devices = await Devices.open(provider, job);
        on[provider] = await layerMoments(unfolded, prefix, float, path, job, devices);
        on[provider].label = devices.label;
      }
      let worst = 0;
      for (const part of ['moments', 'responses', 'means']) {
        on.cpu[part].forEach((a, g) => {
          const b = on.webgpu[part][g];
          const scale = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          a.forEach((x, i) => (worst = Math.max(worst, Math.abs(x - b[i]) / scale)));
        });
      }
      found.push({ layer: layer.node, device: on.webgpu.label, worst });
    }
    console.log(JSON.stringify(found));
    process.exit(0);
  })();`;

const noDevice = process.platform !== 'linux' || process.arch !== 'x64';

it.skipIf(noDevice)(
  'second moments on WebGPU are those of the CPU to 1e-4',
  async () => {
    // A probe is the engine's script in a process of its own, so this script must answer as one, too.
    const script = join(process.cwd(), 'out', `moments-${process.pid}.cjs`);
    await build({
      stdin: {
        contents: `import { runProbe } from './src/engine/process/devices/probe';
        if (process.argv[2] === 'probe') void runProbe(process.argv[3]).then((answer) => process.send(answer));
        else void import('compare');`,
        resolveDir: process.cwd(),
        loader: 'ts',
      },
      plugins: [
        {
          name: 'compare',
          setup: (b) => {
            b.onResolve({ filter: /^compare$/ }, () => ({ path: 'compare', namespace: 'compare' }));
            b.onLoad({ filter: /.*/, namespace: 'compare' }, () => ({
              contents: COMPARE,
              resolveDir: process.cwd(),
              loader: 'ts',
            }));
          },
        },
      ],
      bundle: true,
      platform: 'node',
      target: 'node20',
      mainFields: ['module', 'main'],
      external: ['onnxruntime-node', 'sharp', 'highs'],
      outfile: script,
    });
    const env = { ...process.env, ...(await softwareVulkan()) };
    const { stdout } = await promisify(execFile)(process.execPath, [script, save(everyLayer())], { env });
    const found = JSON.parse(stdout) as { layer: string; device: string; worst: number }[];
    expect(found.length).toBeGreaterThanOrEqual(8);
    for (const { layer, device, worst } of found) {
      expect(device, layer).toBe('WebGPU: SwiftShader (software)');
      expect(worst, layer).toBeLessThan(1e-4);
    }
    // SwiftShader compiles shaders slowly.
  },
  600_000,
);

it.skipIf(noDevice)('noise, which is made of them, too', async () => {
  const { engine } = startEngine({ env: await softwareVulkan() });
  const asked: NoiseRequest = {
    kind: 'noise',
    model: save(tinyCnn()),
    granularity: 'layer',
    widths: [4],
    rounding: 'nearest',
    data: synthetic(8),
    memoryLimit: 0,
  };
  const cpu = await engine.request({ ...asked, provider: 'cpu' });
  const gpu = await engine.request({ ...asked, provider: 'webgpu' });
  cpu.noise.forEach((byWidth, i) => {
    expect(Math.abs(gpu.noise[i][4] - byWidth[4])).toBeLessThanOrEqual(1e-4 * byWidth[4]);
  });
});
