/** Hostile outputs and functions, and hostile links between a model and its weights. */
import { clone, create } from '@bufbuild/protobuf';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attribute, node as makeNode, valueInfo } from '../../src/onnx/proto/build';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  ValueInfoProtoSchema,
  type FunctionProto,
  type ModelProto,
  type NodeProto,
} from '../../src/onnx/proto/onnx_pb';
import type { Random } from '../support/models/random';
import { HOSTILE_NAMES } from './names';

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)];

/** What a model may put out beside floats: labels, flags, sizes, strings, sequences, its own weights. */
export function hostileOutputs(model: ModelProto, random: Random): void {
  const graph = model.graph!;
  const inner = pick(random, graph.node)?.output[0] ?? '';
  const [result] = graph.output;
  const from = random.int(2) ? inner : (result?.name ?? inner);
  const add = (
    opType: string,
    input: string[],
    attributes: Parameters<typeof makeNode>[3] = {},
    outputs = 1,
  ) => {
    const names = Array.from({ length: outputs }, (_, i) => `hostile.${graph.node.length}.${i}`);
    graph.node.push(makeNode(opType, input, names, attributes));
    for (const name of names) graph.output.push(create(ValueInfoProtoSchema, { name }));
  };
  const ways: (() => void)[] = [
    () => graph.output.push(create(ValueInfoProtoSchema, { name: inner })),
    () => graph.output.push(...graph.output),
    () => graph.output.splice(0, graph.output.length),
    () => graph.output.push(create(ValueInfoProtoSchema, { name: graph.input[0]?.name ?? '' })),
    () =>
      graph.output.push(create(ValueInfoProtoSchema, { name: pick(random, graph.initializer)?.name ?? '' })),
    () =>
      graph.output.splice(0, 1, valueInfo(result?.name ?? '', pick(random, [0, 7, 8, 9, 11, 16, 99]), null)),
    () => add('ArgMax', [from], { axis: -1 }),
    () => add('NonZero', [from]),
    () => add('Shape', [from]),
    () => add('SequenceConstruct', [from, from]),
    () => add('Split', [from], { axis: 0 }, 1 + random.int(3)),
    () => add('IsNaN', [from]),
    () => add('Log', [from]),
    () => add('RandomNormalLike', [from]),
    () => add('Cast', [from], { to: pick(random, [1, 6, 7, 8, 9, 10, 11, 16]) }),
    () => graph.output.reverse(),
  ];
  pick(random, ways)();
  if (random.int(3) === 0) graph.output = graph.output.slice(-1);
}

/** One or several nodes become a call of a function, which is then damaged. */
export function hostileFunctions(model: ModelProto, random: Random): void {
  const graph = model.graph!;
  const at = random.int(graph.node.length);
  const node = graph.node[at];
  if (!node) return;
  const level = model.functions.length;
  const domain = pick(random, ['own', 'own', 'own', '', 'com.microsoft']);
  const name = `Wrapped${level}`;
  const wrapped = wrap(node, name, domain, model);
  graph.node[at] = makeNode(name, node.input, node.output, {}, { name: node.name, domain });
  model.functions.push(wrapped);
  if (!model.opsetImport.some((each) => each.domain === domain)) {
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }));
  }
  const call = graph.node[at];
  const version = () => pick(random, [0n, 1n, 6n, 7n, 9n, 11n, 12n, 13n, 17n, 18n, 21n, 99n, -1n]);
  const ways: (() => void)[] = [
    () => undefined,
    () => wrapped.input.pop(),
    () => wrapped.output.push(wrapped.output[0] ?? 'x'),
    () => wrapped.output.splice(0, 1, wrapped.input[0] ?? 'nowhere'),
    () => call.input.splice(random.int(call.input.length + 1), 1),
    () => call.output.push('more'),
    () => (wrapped.opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: version() })]),
    () => (wrapped.opsetImport = []),
    () => (wrapped.node[0].name = pick(random, HOSTILE_NAMES)),
    () => (call.name = pick(random, HOSTILE_NAMES)),
    () => model.functions.push(wrapped),
    () => wrapped.node.push(makeNode(name, wrapped.input, ['again'], {}, { domain })),
    () => doubling(model, wrapped, domain, random.int(80)),
    () => (wrapped.overload = 'other'),
    () =>
      wrapped.node[0].attribute.push(
        create(AttributeProtoSchema, { name: 'axis', refAttrName: 'missing', type: 2 }),
      ),
    () => {
      for (const each of wrapped.node[0].attribute) each.refAttrName = 'given';
      call.attribute.push(attribute('given', pick(random, [-1, 0, 1, 2 ** 40])));
    },
  ];
  pick(random, ways)();
}

function wrap(node: NodeProto, name: string, domain: string, model: ModelProto): FunctionProto {
  const opsets = model.opsetImport.map(({ domain: own, version }) => ({ domain: own, version }));
  return create(FunctionProtoSchema, {
    name,
    domain,
    input: [...new Set(node.input)].filter((each) => each !== ''),
    output: node.output.filter((each) => each !== ''),
    node: [clone(NodeProtoSchema, node)],
    opsetImport: opsets,
  });
}

/** Every level calls the one below twice. */
function doubling(model: ModelProto, lowest: FunctionProto, domain: string, levels: number): void {
  let below = lowest.name;
  for (let i = 0; i < levels; i++) {
    const name = `Double${i}`;
    const half = (output: string) => makeNode(below, lowest.input, [output], {}, { domain });
    model.functions.push(
      create(FunctionProtoSchema, {
        name,
        domain,
        input: lowest.input,
        output: ['b'],
        node: [half('a'), half('b')],
        opsetImport: lowest.opsetImport.map(({ domain: own, version }) => ({ domain: own, version })),
      }),
    );
    below = name;
  }
  const outputs = ['doubled'];
  model.graph!.node.push(makeNode(below, lowest.input, outputs, {}, { domain }));
  model.graph!.output.push(create(ValueInfoProtoSchema, { name: 'doubled' }));
}

/** Moves a weight out of the model, to where links will lead. */
export function weightBehindLink(model: ModelProto, random: Random): void {
  const tensor = pick(random, model.graph!.initializer);
  if (!tensor) return;
  const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
  tensor.externalData = [
    entry('location', pick(random, ['data.bin', 'data.bin', 'blobs/2222', 'link.bin', 'linked/secret.bin'])),
    entry('offset', '0'),
    entry('length', String(tensor.rawData.length)),
  ];
  tensor.dataLocation = DataLocation.EXTERNAL;
  tensor.rawData = new Uint8Array(0);
}

/** Puts the model where `path` leads, or not, and its weights where its location leads, or not. */
export function placeLinked(bytes: Uint8Array, random: Random, folder: string, outside: string): void {
  const path = join(folder, 'hostile.onnx');
  const blobs = join(folder, 'blobs');
  mkdirSync(blobs);
  writeFileSync(join(blobs, '1111'), bytes);
  writeFileSync(join(blobs, '2222'), Buffer.alloc(1 << random.int(22)));
  const secret = join(outside, 'secret.bin');
  const data = join(folder, 'data.bin');
  symlinkSync(pick(random, ['blobs/2222', 'blobs/2222', secret, 'data.bin', 'missing', outside]), data);
  const target = pick(random, ['blobs/1111', 'blobs/1111', 'blobs/1111', secret, path, 'missing', 'blobs']);
  symlinkSync(target, path);
}
