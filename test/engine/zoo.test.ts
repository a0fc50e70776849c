/** The test networks must be worth testing with: they load, and their outputs neither explode nor collapse. */
import { toBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { type ModelProto, ModelProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { Random } from '../support/models/random';
import { deepResnet, mobilenetV2, resnet18, resnet50, tinyCnn, transformer } from '../support/models/zoo';

const image = (size: number) => ({ input: [4, 3, size, size] });

it.each([
  ['ResNet-18', () => resnet18({ width: 0.25, size: 64 }), image(64)],
  ['ResNet-18 with norms', () => resnet18({ width: 0.25, size: 64, batchNorm: true, opset: 13 }), image(64)],
  ['ResNet-50', () => resnet50({ width: 0.25, size: 64 }), image(64)],
  ['MobileNetV2', () => mobilenetV2({ width: 0.5, size: 64 }), image(64)],
  [
    'MobileNetV2, opset 9, fixed batch',
    () => mobilenetV2({ width: 0.5, size: 64, opset: 9, batch: 4 }),
    image(64),
  ],
  ['a deep ResNet', () => deepResnet(), image(32)],
  ['a tiny CNN, opset 7', () => tinyCnn({ opset: 7 }), image(8)],
  ['a transformer', () => transformer({ blocks: 2 }), { tokens: [4, 6, 16] }],
])('%s', async (_name, make: () => ModelProto, inputs: Record<string, number[]>) => {
  const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, make()), {
    logSeverityLevel: 3,
  });
  const random = new Random(1);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, dims]) => {
      const size = dims.reduce((a, b) => a * b, 1);
      return [name, new ort.Tensor('float32', random.normals(size), dims)];
    }),
  );
  const [output] = Object.values(await session.run(feeds));
  await session.release();
  const values = output.data as Float32Array;
  const classes = output.dims[1];
  // Over samples: a network that answers every picture alike would make scores meaningless.
  let spread = 0;
  for (let c = 0; c < classes; c++) {
    const column = [0, 1, 2, 3].map((sample) => values[sample * classes + c]);
    spread += (Math.max(...column) - Math.min(...column)) / classes;
  }
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(spread).toBeGreaterThan(1e-2);
  expect(largest).toBeLessThan(1e3);
});
