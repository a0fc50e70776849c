/** One tensor of a model, computed. */
import { serialize, subgraph } from '../../../onnx/graph/subgraph';
import { valueInfo } from '../../../onnx/proto/build';
import { weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { TensorProto_DataType as DataType } from '../../../onnx/proto/onnx_pb';
import { type Feeds, Session } from './session';

/**
 * @param path of the model, where its external weights lie
 * @param feeds int64 tensors that stand for inner ones
 */
export async function compute(
  model: ModelProto,
  name: string,
  path: string,
  { feeds = {}, literal }: { feeds?: Feeds; literal?: boolean } = {},
): Promise<Feeds[string]> {
  const inputs = Object.keys(feeds).map((input) => valueInfo(input, DataType.INT64, null));
  const session = await Session.open(serialize(subgraph(model, [name], { inputs })), {
    provider: 'cpu',
    folder: weightsFolder(path),
    model: path,
    literal,
  });
  try {
    return (await session.runTensors(feeds))[name];
  } finally {
    await session.close();
  }
}
