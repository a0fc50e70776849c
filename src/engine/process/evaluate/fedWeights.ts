/** One session for many trials: the weights are inputs of the model, fed with each run. */
import { makeTensor } from '../../../calibration/inputs/tensorTypes';
import { returning, serialize, withGraph } from '../../../onnx/graph/subgraph';
import type { Network } from '../../../onnx/network/network';
import { unpackedTensor } from '../../../onnx/packing/dequantize';
import type { WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import { valueInfo } from '../../../onnx/proto/build';
import { weightsFolder } from '../../../onnx/proto/external';
import { TensorProto_DataType as DataType, type ModelProto } from '../../../onnx/proto/onnx_pb';
import { readFloats } from '../../../onnx/proto/tensors';
import { type Feeds, Session } from '../ort/session';

export class FedWeights {
  private constructor(
    private readonly session: Session,
    private readonly weights: ReturnType<typeof networkWeights>,
    private readonly float: Feeds,
    private readonly path: string,
  ) {}

  /**
   * Null where a weight cannot be an input: one of a body, or of another type.
   * @param tensors what runs return
   */
  static async open(
    model: ModelProto,
    network: Network,
    path: string,
    tensors: readonly string[],
  ): Promise<FedWeights | null> {
    const graph = model.graph!;
    const weights = networkWeights(network);
    const held = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    if (
      !weights.every(({ tensor, dataType }) => held.has(tensor) && (dataType as DataType) === DataType.FLOAT)
    )
      return null;
    const fed = new Set(weights.map(({ tensor }) => tensor));
    const open = withGraph(model, {
      initializer: graph.initializer.filter(({ name }) => !fed.has(name)),
      input: [
        ...graph.input.filter(({ name }) => !fed.has(name)),
        ...weights.map(({ tensor, shape }) => valueInfo(tensor, DataType.FLOAT, shape)),
      ],
    });
    const float: Feeds = {};
    for (const { tensor, shape } of weights)
      float[tensor] = makeTensor('float32', await readFloats(held.get(tensor)!, path), shape);
    const session = await Session.open(serialize(returning(open, tensors)), {
      provider: 'cpu',
      folder: weightsFolder(path),
      model: path,
      arena: true,
      sleeps: true,
    });
    return new FedWeights(session, weights, float, path);
  }

  /** The weights that `storages` store, and the float ones in place of the others. @param storages as networkWeights */
  async feeds(storages: readonly WeightStorage[]): Promise<Feeds> {
    const feeds = { ...this.float };
    for (const [i, weight] of this.weights.entries()) {
      const unpacked = unpackedTensor(weight, storages[i]);
      if (unpacked)
        feeds[weight.tensor] = makeTensor('float32', await readFloats(unpacked, this.path), weight.shape);
    }
    return feeds;
  }

  run(feeds: Feeds): Promise<Feeds> {
    return this.session.runTensors(feeds);
  }

  close(): Promise<void> {
    return this.session.close();
  }
}
