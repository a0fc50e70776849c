/** A network run step by step: what later nodes still need of each block of samples is kept, nothing runs twice. */
import { create } from '@bufbuild/protobuf';
import { basename } from 'node:path';
import { TYPES } from '../../../calibration/inputs/tensorTypes';
import { captured, type Graph } from '../../../onnx/graph/graph';
import { neededFor, serialize, withGraph } from '../../../onnx/graph/subgraph';
import { bodiesOf, findAttribute, intAttribute } from '../../../onnx/proto/attributes';
import { valueInfo } from '../../../onnx/proto/build';
import { weightsFolder } from '../../../onnx/proto/external';
import {
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../../onnx/proto/onnx_pb';
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import { span } from '../job/trace';
import { collectGarbage } from '../ort/memory';
import { type Feeds, Session } from '../ort/session';

/** Bytes of replaced activations that may wait to be collected. */
const GARBAGE_BYTES = 3e8;

export class LayerwiseRun {
  /** Per block, the tensors that nodes from `position` on read. */
  private readonly blocks: Feeds[];
  /** Index in graph.order of the first node that has not run. */
  private position = 0;
  private replacedBytes = 0;

  /**
   * @param inputs per block of samples, what the model is fed
   * @param path of the model: external weights are looked up next to it
   */
  constructor(
    private readonly model: ModelProto,
    private readonly graph: Graph,
    private readonly path: string,
    private readonly job: Job,
    inputs: readonly Feeds[],
  ) {
    this.blocks = inputs.map((feeds) => ({ ...feeds }));
  }

  get blockCount(): number {
    return this.blocks.length;
  }

  tensor(block: number, name: string): Feeds[string] {
    const found = this.blocks[block][name];
    if (!found) throw new EngineFault(`The tensor "${name}" of ${basename(this.path)} was not kept.`);
    return found;
  }

  /**
   * Runs the nodes before graph.order[position] that have not run yet.
   * @param replaced weights to use instead of the file's, by tensor name
   * @param wanted tensors to keep until the next call, whether or not later nodes read them
   */
  async advance(
    position: number,
    replaced: ReadonlyMap<string, TensorProto>,
    wanted: readonly string[] = [],
  ): Promise<void> {
    const { graph } = this;
    const later = readFrom(graph, position);
    for (const name of wanted) later.add(name);
    const nodes = graph.order
      .slice(this.position, position)
      .filter((node) => node.output.some((name) => name !== '' && !graph.isConstant(name)));
    this.position = position;
    const made = new Set(nodes.flatMap((node) => node.output));
    const outputs = [...later].filter((name) => made.has(name) && !graph.isConstant(name));
    const session = outputs.length > 0 ? await span('open', () => this.open(nodes, outputs, replaced)) : null;
    try {
      for (const [index, block] of this.blocks.entries()) {
        await this.job.checkpoint();
        const results = session ? await span('run', () => session.runTensors(block)) : {};
        this.blocks[index] = { ...pick(block, later), ...results };
        this.letGo(results);
      }
    } finally {
      await session?.close();
    }
  }

  /** What the results took the place of is garbage as large as they are, which the engine's collector sees too late. */
  private letGo(results: Feeds): void {
    for (const { data } of Object.values(results)) this.replacedBytes += 4 * data.length;
    if (this.replacedBytes < GARBAGE_BYTES) return;
    collectGarbage();
    this.replacedBytes = 0;
  }

  /** What nodes that read live tensors and constants put out in every block; none of it is kept. */
  async probe(
    nodes: NodeProto[],
    outputs: string[],
    replaced: ReadonlyMap<string, TensorProto>,
  ): Promise<Feeds[]> {
    const session = await this.open(nodes, outputs, replaced);
    try {
      const results: Feeds[] = [];
      for (const block of this.blocks) {
        await this.job.checkpoint();
        results.push(await session.runTensors(block));
      }
      return results;
    } finally {
      await session.close();
    }
  }

  private open(
    nodes: NodeProto[],
    outputs: string[],
    replaced: ReadonlyMap<string, TensorProto>,
  ): Promise<Session> {
    const part = segment(this.model, this.graph, nodes, outputs, liveTensors(this.blocks), replaced);
    const options = {
      provider: 'cpu' as const,
      folder: weightsFolder(this.path),
      model: this.path,
      sleeps: true,
      plainLayout: !nodes.some(isDense),
    };
    return Session.open(serialize(part), options);
  }
}

/**
 * A convolution of more than one channel at a time over more than one position: the kernels that want channels in blocks
 * gain more on it than it costs to bring its input into that layout and its output back, which in a part of a network is
 * done for every layer. Others take a quarter less time without (MobileNetV2, measured).
 */
function isDense(node: NodeProto): boolean {
  if (!['Conv', 'ConvTranspose'].includes(node.opType) || intAttribute(node, 'group', 1) > 1) return false;
  const kernel = findAttribute(node, 'kernel_shape')?.ints;
  return kernel === undefined || kernel.some((size) => size > 1n);
}

/** Data tensors that nodes from `position` on read. */
function readFrom(graph: Graph, position: number): Set<string> {
  const names = new Set<string>();
  for (const node of graph.order.slice(position)) {
    for (const name of [...node.input, ...bodiesOf(node).flatMap((body) => [...captured(body)])]) {
      if (name !== '' && !graph.isConstant(name)) names.add(name);
    }
  }
  return names;
}

/**
 * The tensors that are live, each with the sizes that it has in every block: ONNX Runtime takes the values of a tensor
 * without any (the target sizes of a Resize) for an empty list.
 */
function liveTensors(blocks: readonly Feeds[]): ValueInfoProto[] {
  const [first, ...others] = blocks;
  return Object.entries(first).map(([name, { type, dims }]) => {
    const isSameRank = others.every((block) => block[name].dims.length === dims.length);
    const sizes = dims.map((size, axis) =>
      others.every((block) => block[name].dims[axis] === size) ? size : '',
    );
    return valueInfo(name, TYPES[type].elemType, isSameRank ? sizes : null);
  });
}

/** The given nodes as a model of their own, with the constants that they need and the live tensors as inputs. */
function segment(
  model: ModelProto,
  graph: Graph,
  nodes: NodeProto[],
  outputs: string[],
  live: readonly ValueInfoProto[],
  replaced: ReadonlyMap<string, TensorProto>,
): ModelProto {
  // Nodes that run, and before them those that compute their constants.
  const constant = graph.order.filter((node) =>
    node.output.every((name) => name === '' || graph.isConstant(name)),
  );
  const reduced = withGraph(model, { node: [...constant, ...nodes] });
  const { nodes: needed, tensors } = neededFor(reduced.graph!, outputs);
  return withGraph(model, {
    node: needed.filter((node) => !node.output.some((name) => replaced.has(name))),
    initializer: [
      ...graph.proto.initializer.filter(({ name }) => tensors.has(name) && !replaced.has(name)),
      ...[...replaced.values()].filter(({ name }) => tensors.has(name)),
    ],
    input: live.filter(({ name }) => tensors.has(name)),
    // Without a type: ONNX Runtime infers it.
    output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
    valueInfo: [],
  });
}

function pick(feeds: Feeds, names: ReadonlySet<string>): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name)));
}
