/** A request for the noise of every function at every width. */
import type { NoiseReply, NoiseRequest } from '../../protocol';
import { Devices } from '../devices/adaptiveSession';
import type { Job } from '../job/job';
import { layerNoise } from './noise';
import { withBlocks } from './trials';

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function noise(request: NoiseRequest, job: Job): Promise<NoiseReply> {
  return withBlocks(request, 1, null, job, async ({ network, wide }, { model, blocks, count }) => {
    const { widths, groups, activationWidths, rounding, model: path } = request;
    const devices = await Devices.open(request.provider ?? 'cpu', job);
    const work = {
      model,
      network,
      wide,
      path,
      widths,
      groups,
      activationWidths,
      rounding,
      inputs: blocks,
      job,
      devices,
    };
    return { ...(await layerNoise(work)), samples: count };
  });
}
