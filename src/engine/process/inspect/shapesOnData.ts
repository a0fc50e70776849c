/** The shapes that a model's functions give for the samples of the data, where the file leaves sizes open. */
import { DataError } from '../../../calibration/inputs/errors';
import type { DataSpec } from '../../../calibration/inputs/spec';
import type { Dataset } from '../../../calibration/inputs/dataset';
import { findNetwork, type NetworkOptions } from '../../../onnx/network/functions';
import type { Network } from '../../../onnx/network/network';
import type { Dimension } from '../../../onnx/proto/dims';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { Job } from '../job/job';
import { withKeptDataset } from '../ort/withModel';

/** Undefined where the file tells all sizes but the batch, or the data cannot be read any more. */
export async function shapesOnData(
  model: ModelProto,
  network: Network,
  options: NetworkOptions,
  data: DataSpec,
  job: Job,
): Promise<(Dimension[] | null)[] | undefined> {
  if (data.path === null || network.functions.every(({ shape }) => isFixed(shape))) return undefined;
  try {
    const find = ({ shapes }: Dataset) =>
      Promise.resolve(findNetwork(model, { ...options, shapes: { ...options.shapes, ...shapes } }));
    const { functions } = await withKeptDataset(data, network, job, find, { atMost: true });
    return functions.map(({ shape }) => shape);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    job.log('info', `Sizes that the model leaves open are not known: ${error.message}`);
    return undefined;
  }
}

/** All sizes behind the batch. */
function isFixed(shape: Dimension[] | null): boolean {
  return shape !== null && shape.slice(1).every((size) => typeof size === 'number');
}
