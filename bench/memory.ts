/**
 * What a memory limit costs: ResNet-50 shapes at 64 samples of 3 x 224 x 224 on the CPU, the engine as a process of its
 * own; peak memory as the system counts it, and time.
 *
 * node bench/run.mjs memory       (after npm run build)
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { Engine } from '../src/engine/client';
import { ModelProtoSchema } from '../src/onnx/schema/onnx_pb';
import { resnet50 } from '../test/models/zoo';

const FOLDER = resolve('out/bench');

/** VmHWM; only Linux tells. */
function peakMegabytes(pid: number): string {
  const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return found ? `${(Number(found[1]) / 1000).toFixed(0)} MB` : '?';
}

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const model = resolve(FOLDER, 'ResNet-50.onnx');
  writeFileSync(model, toBinary(ModelProtoSchema, resnet50()));
  console.log(`ResNet-50 shapes, 64 samples, ${availableParallelism()} threads\n`);
  console.log('| limit | peak | seconds | how |\n|---|---|---|---|');
  for (const limit of [0, 4e9, 2e9, 1e9]) {
    let how = '';
    const log = (_: string, line: string) => {
      if (line.includes('samples ')) how ||= line;
    };
    const engine = new Engine({ script: resolve('dist/engine.js'), log });
    const start = performance.now();
    await engine.request({
      kind: 'score',
      model,
      granularity: 'layer',
      data: { path: null, samples: 64, seed: 0, shapes: {}, preprocessing: { preset: 'imagenet' } },
      provider: 'cpu',
      memoryLimit: limit,
    });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const name = limit === 0 ? 'half of the free memory' : `${limit / 1e9} GB`;
    const passes = /samples (.*?) \(/.exec(how)?.[1] ?? '?';
    console.log(`| ${name} | ${peakMegabytes(engine.pid!)} | ${seconds} | ${passes} |`);
    engine.dispose();
  }
}

void main();
