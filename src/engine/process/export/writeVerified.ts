/** The quantized file, tried before it takes its place. */
import { describeProducts } from '../../../common/integerProduct';
import { draftModel } from '../../../onnx/files/save';
import { type Expected, isTooLargeInside } from '../../../onnx/packing/fakeQuantize';
import { quantizeModel } from '../../../onnx/packing/quantizeModel';
import type { ActivationPlan } from '../../../onnx/qdq/insert';
import type { ExportRequest } from '../../protocol';
import { processor } from '../devices/processor';
import { type Job } from '../job/job';
import { emulated } from './activations';
import { STEP } from './steps';
import { verify, verifyIntegers } from './verify';
import { verifyWeights } from './verifyWeights';

/** The file takes its place once it has run as expected. @returns its bytes */
export async function writeVerified(
  { model, out, config, bits, scaleType }: ExportRequest,
  expected: Expected,
  plan: ActivationPlan | null,
  trial: Parameters<typeof verify>[2],
  job: Job,
): Promise<number> {
  job.progress('Writing', STEP.write);
  const quantized = quantizeModel(expected.model, expected.storages, {
    scaleType,
    record: { config, bits },
    branches: expected.branches,
    activations: plan ?? undefined,
  });
  const draft = await draftModel(out, quantized, model);
  try {
    await job.checkpoint();
    job.progress('Trying the written file', STEP.verify);
    if (plan) {
      const { name, products } = await processor();
      job.log(
        'info',
        `Integer kernels on ${name}; products of 8-bit integers: ${describeProducts(products)}.`,
      );
      await verifyIntegers(draft.path, expected, emulated(expected, plan), trial);
    } else if (isTooLargeInside(expected.network)) await verifyWeights(draft.path, expected, job);
    else await verify(draft.path, expected, trial);
    await job.checkpoint();
    await draft.commit();
  } finally {
    await draft.discard();
  }
  return draft.bytes;
}
