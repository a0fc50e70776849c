/**
 * Scoring and evaluation on this machine's graphics card against its own CPU: ResNet-18, MobileNetV2 and ResNet-50 shapes
 * at 64 samples of 3 x 224 x 224. Prints a table for docs/gpu.md, with the names of the devices.
 *
 * node bench/run.mjs gpu [provider, default webgpu] [tiny: small copies, to see that it runs]    (after npm run build)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import type { DataSpec } from '../src/calibration/spec';
import { Engine } from '../src/engine/client';
import type { Provider } from '../src/engine/protocol';
import { ModelProtoSchema } from '../src/onnx/schema/onnx_pb';
import { mobilenetV2, resnet18, resnet50, type ZooOptions } from '../test/models/zoo';

const FOLDER = resolve('out/bench');
const models = { 'ResNet-18': resnet18, MobileNetV2: mobilenetV2, 'ResNet-50': resnet50 };
const data: DataSpec = {
  path: null,
  samples: 64,
  seed: 0,
  shapes: {},
  preprocessing: { preset: 'imagenet' },
};

async function main(wanted: Provider, options: ZooOptions): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const engine = new Engine({ script: resolve('dist/engine.js'), log: () => undefined });
  try {
    console.log('| network | device | sessions and data | scoring | evaluation |\n|---|---|---|---|---|');
    for (const [name, make] of Object.entries(models)) {
      const model = resolve(FOLDER, `${name}.onnx`);
      writeFileSync(model, toBinary(ModelProtoSchema, make(options)));
      for (const provider of ['cpu', wanted] as const) {
        const scored = await engine.request({
          kind: 'score',
          model,
          granularity: 'layer',
          data,
          provider,
          memoryLimit: 0,
        });
        const evaluated = await engine.request({
          kind: 'evaluate',
          model,
          other: null,
          data,
          allSamples: false,
          perLayer: false,
          provider,
        });
        for (const warning of [...scored.warnings, ...evaluated.warnings]) console.error(warning);
        const { load, score } = scored.seconds;
        const cells = [scored.provider, ...[load, score, evaluated.seconds].map((s) => `${s.toFixed(2)} s`)];
        console.log(`| ${name} | ${cells.join(' | ')} |`);
      }
    }
  } finally {
    engine.dispose();
  }
}

const tiny = process.argv[3] === 'tiny' ? { size: 32, width: 0.125 } : {};
main((process.argv[2] ?? 'webgpu') as Provider, tiny).catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
