/** The quantized file, written and tried, but not yet in its place. */
import { describeProducts } from '../../../common/integerProduct';
import { type Draft, draftModel } from '../../../onnx/files/save';
import { type Expected, isTooLargeInside } from '../../../onnx/packing/fakeQuantize';
import type { WeightForms } from '../../../onnx/packing/forms';
import { quantizeModel } from '../../../onnx/packing/quantizeModel';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { ActivationPlan } from '../../../onnx/qdq/activationPlan';
import type { ExportRequest } from '../../protocol';
import { processor } from '../devices/processor';
import type { Job } from '../job/job';
import type { Feeds } from '../ort/session';
import { emulated } from './activations';
import { chooseForms } from './chooseForms';
import { STEP } from './steps';
import { PackedFault, verify, verifyIntegers, verifyPacked } from './verify';
import { verifyWeights } from './verifyWeights';

export interface Written {
  /** The caller commits or discards it. */
  draft: Draft;
  /** What was quantized: the original, in the operator set that packed weights ask for. */
  model: ModelProto;
  forms: WeightForms;
  /** Least signal over noise of an output with fused kernels, in dB; null: no weight is packed, and all outputs are exact. */
  packedDb: number | null;
  warnings: string[];
}

/** A file that has run as expected. @throws OnnxError, EngineFault, JobCancelled; no file is left then */
export async function writeVerified(
  request: ExportRequest,
  expected: Expected,
  plan: ActivationPlan | null,
  samples: Feeds,
  job: Job,
): Promise<Written> {
  const choice = request.form ?? 'planes';
  const planes = { model: expected.model, forms: new Map() };
  // Activations that are integers have kernels of their own.
  const chosen = plan ? planes : await chooseForms(choice, expected, samples);
  try {
    return { ...(await write(request, expected, plan, chosen, samples, job)), warnings: [] };
  } catch (error) {
    if (!(error instanceof PackedFault) || choice !== 'auto') throw error;
    const warning =
      'Kernels on packed weights change the outputs too much on this model, so that all weights are bit planes.';
    return { ...(await write(request, expected, plan, planes, samples, job)), warnings: [warning] };
  }
}

async function write(
  { out, scaleType, config, bits, model: path }: ExportRequest,
  expected: Expected,
  plan: ActivationPlan | null,
  { model, forms }: { model: ModelProto; forms: WeightForms },
  samples: Feeds,
  job: Job,
): Promise<Omit<Written, 'warnings'>> {
  job.progress('Writing', STEP.write);
  const quantized = quantizeModel(model, expected.storages, {
    scaleType,
    record: { config, bits },
    branches: expected.branches,
    activations: plan ?? undefined,
    forms,
  });
  const draft = await draftModel(out, quantized, path);
  let packedDb: number | null = null;
  try {
    await job.checkpoint();
    job.progress('Trying the written file', STEP.verify);
    if (plan) {
      const { name, products } = await processor();
      job.log(
        'info',
        `Integer kernels on ${name}; products of 8-bit integers: ${describeProducts(products)}.`,
      );
    }
    if (plan) await verifyIntegers(draft.path, expected, emulated(expected, plan), samples);
    else if (isTooLargeInside(expected.network)) await verifyWeights(draft.path, expected, job);
    else if (forms.size > 0)
      packedDb = await verifyPacked(draft.path, expected, new Set(forms.keys()), samples, job);
    else await verify(draft.path, expected, samples);
    await job.checkpoint();
  } catch (error) {
    await draft.discard();
    throw error;
  }
  return { draft, model, forms, packedDb };
}
