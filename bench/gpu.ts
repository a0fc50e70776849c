/**
 * Scoring, noise, an export and an evaluation on this machine's graphics card against its own CPU: ResNet-18, MobileNetV2
 * and ResNet-50 shapes at samples of 3 x 224 x 224. Prints a table for docs/gpu.md, with the names of the devices. Nothing
 * is fetched, and the whole takes 8 minutes at most: a cell that takes longer than its share says so, and the next goes on.
 *
 * node bench/run.mjs gpu [webgpu | cuda | dml | coreml]     (after npm run build)
 * node bench/run.mjs gpu webgpu tiny      small copies, 8 samples; on Linux on the Vulkan device in software that npm has
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import type { DataSpec } from '../src/calibration/inputs/spec';
import { CancelledError, Engine } from '../src/engine/client';
import type { EngineRequest, Provider, ReplyTo } from '../src/engine/protocol';
import { ModelProtoSchema } from '../src/onnx/proto/onnx_pb';
import { mobilenetV2, resnet18, resnet50 } from '../test/support/models/zoo';

const FOLDER = resolve('out/bench');
const models = { 'ResNet-18': resnet18, MobileNetV2: mobilenetV2, 'ResNet-50': resnet50 };
const tiny = process.argv[3] === 'tiny';
/** Of a cell, and of them all. */
const LIMIT_S = 60;
const TOTAL_S = 460;
const begun = performance.now();
const data: DataSpec = {
  path: null,
  samples: tiny ? 8 : 64,
  seed: 0,
  shapes: {},
  preprocessing: { preset: 'imagenet' },
};
/** What scoring says about its time. */
const SPENT =
  /: ([\d.]+) s in creating sessions, ([\d.]+) s in forward passes and Gram products, ([\d.]+) s in moving/;

async function main(wanted: Provider): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const vulkan = tiny && wanted === 'webgpu' && process.platform === 'linux' ? await softwareVulkan() : null;
  try {
    console.log(
      '| network | device | sessions | forward + Gram | transfer | scoring | noise | contest | evaluation |',
    );
    console.log('|---|---|---|---|---|---|---|---|---|');
    for (const [name, make] of Object.entries(models)) {
      const model = resolve(FOLDER, `${name}${tiny ? '-tiny' : ''}.onnx`);
      writeFileSync(model, toBinary(ModelProtoSchema, make(tiny ? { size: 32, width: 0.125 } : {})));
      for (const provider of ['cpu', wanted] as const) {
        const cells = await row(model, provider, vulkan ? { LD_LIBRARY_PATH: vulkan } : {});
        console.log(`| ${name} | ${cells.join(' | ')} |`);
      }
    }
  } finally {
    if (vulkan) rmSync(vulkan, { recursive: true });
  }
}

async function row(model: string, provider: Provider, env: Record<string, string>): Promise<string[]> {
  let spent: string[] = [];
  const engine = new Engine({
    script: resolve('dist/engine.js'),
    env,
    log: (_, line) => (spent = SPENT.exec(line)?.slice(1) ?? spent),
  });
  const ask = async <R extends EngineRequest>(request: R): Promise<ReplyTo<R> | null> => {
    const left = TOTAL_S - (performance.now() - begun) / 1000;
    if (left < 1) return null;
    try {
      const signal = AbortSignal.timeout(Math.min(LIMIT_S, left) * 1000);
      return await engine.request(request, { signal });
    } catch (error) {
      if (error instanceof CancelledError) return null;
      console.error(`${request.kind} of ${model} on ${provider}: ${(error as Error).message}`);
      return null;
    }
  };
  const timed = async (request: EngineRequest): Promise<number | undefined> => {
    const start = performance.now();
    return (await ask(request)) === null ? undefined : (performance.now() - start) / 1000;
  };
  try {
    const all = { model, granularity: 'layer', data, memoryLimit: 0 } as const;
    const inspected = await ask({ kind: 'inspect', model, granularity: 'layer', shapes: {} });
    const scored = await ask({ ...all, kind: 'score', provider });
    const noise = await timed({ ...all, kind: 'noise', widths: [4], rounding: 'nearest', provider });
    const candidates = [4, 6].map((bits) => inspected!.network.functions.map(() => bits));
    // Its candidates run on the CPU, whatever the provider.
    const contest = await timed({
      ...all,
      kind: 'contest',
      rounding: 'nearest',
      candidates,
      rounded: 16,
      search: null,
    });
    const compared = { other: null, allSamples: false, perLayer: false };
    const evaluated = await ask({ kind: 'evaluate', model, ...compared, data, provider });
    for (const warning of [...(scored?.warnings ?? []), ...(evaluated?.warnings ?? [])])
      console.error(warning);
    const seconds = (value: number | undefined) =>
      value === undefined ? 'not in time' : `${value.toFixed(2)} s`;
    return [
      scored?.provider ?? evaluated?.provider ?? provider,
      ...(scored ? spent.map((value) => seconds(Number(value))) : ['', '', '']),
      seconds(scored?.seconds.score),
      seconds(noise),
      seconds(contest),
      seconds(evaluated?.seconds),
    ];
  } finally {
    engine.dispose();
  }
}

/** A folder with libvulkan.so.1 in it: SwiftShader. */
async function softwareVulkan(): Promise<string> {
  const { default: chromium } = await import('@sparticuz/chromium');
  await chromium.executablePath();
  const folder = mkdtempSync(join(tmpdir(), 'ompq-vulkan-'));
  symlinkSync(join(tmpdir(), 'libvk_swiftshader.so'), join(folder, 'libvulkan.so.1'));
  return folder;
}

main((process.argv[2] ?? 'webgpu') as Provider).catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
