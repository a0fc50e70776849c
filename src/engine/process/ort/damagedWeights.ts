/** Weights that are no numbers: what is wrong with a network whose outputs are none. */
import { basename } from 'node:path';
import { Graph } from '../../../onnx/graph/graph';
import type { Network } from '../../../onnx/network/network';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { isFloatType } from '../../../onnx/network/stored';
import { dimsOf, readFloats } from '../../../onnx/proto/tensors';
import { EngineFault } from '../job/faults';

/**
 * Looks through everything stored that nodes which compute on numbers read. Infinity is left alone outside layers' weights:
 * masks are written with it.
 * @throws EngineFault that names the first tensor that holds NaN, and the node that reads it
 */
export async function findDamage(
  model: ModelProto,
  { functions }: Pick<Network, 'functions'>,
  path: string,
): Promise<void> {
  const weights = new Set(functions.flatMap(({ layers }) => layers.map(({ weight }) => weight)));
  const graph = new Graph(model.graph!);
  const seen = new Set<string>();
  for (const [index, node] of graph.order.entries()) {
    for (const name of node.input) {
      const tensor = seen.has(name) ? undefined : graph.stored(name);
      seen.add(name);
      if (!tensor || !isFloatType(tensor.dataType)) continue;
      const values = await readFloats(tensor, path);
      const reader = `, which "${graph.nodeNames[index]}" reads,`;
      refuseDamage(values, {
        name,
        dims: dimsOf(tensor),
        path,
        reader,
        ...(weights.has(name) ? {} : { isDamage: Number.isNaN }),
      });
    }
  }
}

interface Where {
  name: string;
  dims: readonly number[];
  /** Of the model. */
  path: string;
  /** Who reads it, as the end of a clause. */
  reader?: string;
  /** Default: what is not finite. */
  isDamage?: (value: number) => boolean;
}

/** @throws EngineFault that says which value of the tensor is no number */
export function refuseDamage(values: Float32Array, where: Where): void {
  const { name, dims, path, reader = '', isDamage = (value) => !Number.isFinite(value) } = where;
  const first = values.findIndex(isDamage);
  if (first < 0) return;
  const count = values.reduce((sum, value) => sum + (isDamage(value) ? 1 : 0), 0);
  const place: number[] = [];
  for (let axis = dims.length - 1, rest = first; axis >= 0; axis--) {
    place.unshift(rest % dims[axis]);
    rest = Math.floor(rest / dims[axis]);
  }
  const what = Number.isNaN(values[first]) ? 'NaN' : 'infinity';
  throw new EngineFault(
    `The weights "${name}" of ${basename(path)}${reader} hold ${what} in ${count} of ${values.length} values (the first at [${place.join(', ')}]); export the model again from a checkpoint whose weights are finite.`,
  );
}
