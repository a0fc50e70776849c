/** Which branch of each If the samples take: found by running what decides it, on each of them. */
import type { Dataset } from '../../../calibration/inputs/dataset';
import type { DataSpec } from '../../../calibration/inputs/spec';
import { isFloat } from '../../../calibration/inputs/tensorTypes';
import { Names } from '../../../onnx/graph/names';
import { serialize, subgraph, untyped } from '../../../onnx/graph/subgraph';
import { type OpenIf, takeBranches } from '../../../onnx/network/branches';
import { findNetwork } from '../../../onnx/network/functions';
import type { Branch, Branches, GraphInput } from '../../../onnx/network/network';
import { node as makeNode } from '../../../onnx/proto/build';
import { weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto } from '../../../onnx/proto/onnx_pb';
import type { Job } from '../job/job';
import { fixedBatch, padded, Samples } from './samples';
import { Session } from './session';
import { withKeptDataset } from './withModel';

/** Bytes of samples that are kept between rounds. */
const HELD = 64e6;

export interface Taken {
  branches: Branches;
  /** Inputs that are one whole number, in the first sample. */
  numbers: Record<string, string>;
}

/**
 * An If whose branch changes from sample to sample has no entry.
 * @throws DataError, EngineFault where the model does not run on the data
 */
export async function branchesTaken(
  path: string,
  model: ModelProto,
  data: DataSpec,
  job: Job,
): Promise<Taken> {
  if (takeBranches(model).open.length === 0) return { branches: {}, numbers: {} };
  const network = findNetwork(model, { shapes: data.shapes });
  const find = async (dataset: Dataset): Promise<Taken> => {
    const samples = await Samples.open(dataset, HELD, job, () => undefined);
    const taken: Record<string, Branch> = {};
    const seen = new Set<string>();
    // In every round, the Ifs inside the branches that the last one found.
    for (;;) {
      const inlined = takeBranches(model, taken);
      const open = inlined.open.filter(({ name }) => !seen.has(name));
      if (open.length === 0) return { branches: taken, numbers: await singleNumbers(samples) };
      for (const { name } of open) seen.add(name);
      const found = await decideBranches(path, inlined.model, open, { samples, inputs: network.inputs, job });
      open.forEach(({ name }, i) => {
        const branch = found[i];
        if (branch) taken[name] = branch;
      });
    }
  };
  return withKeptDataset(data, network, job, find, { atMost: true });
}

/** What the first sample has for the inputs that are one whole number, as a sample rate. */
async function singleNumbers(samples: Samples): Promise<Taken['numbers']> {
  return Object.fromEntries(
    Object.entries(await samples.take([0])).flatMap(([name, { type, data }]) =>
      data.length === 1 && !isFloat(type) && samples.batchAxes[name] == null ? [[name, String(data[0])]] : [],
    ),
  );
}

/** Per If, the branch that all samples take; null where they differ. */
async function decideBranches(
  path: string,
  model: ModelProto,
  open: readonly OpenIf[],
  { samples, inputs, job }: { samples: Samples; inputs: readonly GraphInput[]; job: Job },
): Promise<(Branch | null)[]> {
  const graph = model.graph!;
  const names = Names.of(graph);
  const outputs = open.map(() => names.unique('ompq_condition'));
  const heads = open.map(({ condition }, i) => makeNode('Identity', [condition], [outputs[i]]));
  const conditions = open.map(({ condition }) => condition);
  const session = await Session.open(
    serialize(subgraph(model, conditions, { heads, outputs: outputs.map(untyped) })),
    { provider: 'cpu', folder: weightsFolder(path), model: path },
  );
  try {
    const batch = fixedBatch(inputs, samples.batchAxes) ?? 1;
    const answers = open.map(() => new Set<Branch>());
    for (let from = 0; from < samples.size; from += batch) {
      await job.checkpoint();
      const count = Math.min(batch, samples.size - from);
      const indices = Array.from({ length: count }, (_, i) => from + i);
      const results = await session.runTensors(await samples.take(padded(indices, batch)));
      outputs.forEach((name, i) => answers[i].add(results[name].data[0] ? 'then' : 'else'));
    }
    return answers.map((each) => (each.size === 1 ? [...each][0] : null));
  } finally {
    await session.close();
  }
}
