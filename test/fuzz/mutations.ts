/** Ways in which a model file can be wrong by accident or on purpose; each changes a decoded model in place. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  FunctionProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  ValueInfoProtoSchema,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  type TensorProto,
  TensorProtoSchema,
} from '../../src/onnx/proto/onnx_pb';
import type { Random } from '../support/models/random';
import { HOSTILE_NAMES } from './names';
import { hostileFunctions, hostileOutputs, weightBehindLink } from './structure';

export type Mutation = (model: ModelProto, random: Random, outside: string) => void;

/** Where a hostile model would like its weights to come from. `outside` is the folder beside the model's. */
export function hostileLocations(outside: string): string[] {
  return [
    '../outside/secret.bin',
    'sub/../../outside/secret.bin',
    `${outside}/secret.bin`,
    'link.bin',
    'linked/secret.bin',
    '..\\outside\\secret.bin',
    'C:\\secret.bin',
    '\\\\server\\share\\secret.bin',
    '/dev/zero',
    '/proc/self/mem',
    '.',
    '',
    'missing.bin',
    'a\0b',
    'file:///etc/passwd',
  ];
}

const NUMBERS = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  255n,
  65536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 40n,
  2n ** 62n,
  -(2n ** 63n),
];
const OPERATORS =
  'Conv Gemm MatMul Add Mul Relu Reshape Transpose Concat Slice Gather Split Softmax LSTM GRU If Loop Scan Expand Tile Resize Cast Shape ConstantOfShape Range NonZero Unsqueeze Squeeze Pad ConvTranspose MaxPool QuantizeLinear DequantizeLinear Frobnicate'.split(
    ' ',
  );

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)];
const nodeOf = (model: ModelProto, random: Random) => pick(random, model.graph!.node);
const tensorOf = (model: ModelProto, random: Random): TensorProto =>
  pick(random, model.graph!.initializer) ?? create(TensorProtoSchema, {});

function moveOutside(tensor: TensorProto, entries: Record<string, string>): void {
  tensor.dataLocation = DataLocation.EXTERNAL;
  tensor.rawData = new Uint8Array(0);
  tensor.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
}

function addNode(model: ModelProto, node: MessageInitShape<typeof NodeProtoSchema>): void {
  model.graph!.node.push(create(NodeProtoSchema, node));
}

/** Bodies within bodies, `depth` of them. */
function nested(depth: number): GraphProto {
  let graph = create(GraphProtoSchema, {
    name: 'leaf',
    node: [{ opType: 'Identity', input: ['c'], output: ['r'] }],
    output: [{ name: 'r' }],
  });
  for (let i = 0; i < depth; i++) {
    const branch = (name: string) =>
      create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: graph });
    graph = create(GraphProtoSchema, {
      name: `b${i}`,
      node: [{ opType: 'If', input: ['c'], output: ['r'], attribute: [branch('then_branch')] }],
      output: [{ name: 'r' }],
    });
  }
  return graph;
}

/** The kind whose files are placed behind links (see placeLinked). */
export const LINKED = 'links';

export const MUTATIONS: Record<string, Mutation> = {
  outputs: hostileOutputs,
  functions: hostileFunctions,
  [LINKED]: weightBehindLink,
  'hostile names': (model, random) => {
    const name = pick(random, HOSTILE_NAMES);
    const node = nodeOf(model, random);
    const where = random.int(6);
    if (where === 0) node.name = name;
    else if (where === 1) node.opType = name;
    else if (where === 2) node.domain = name;
    else if (where === 3) model.producerName = model.graph!.name = name;
    else {
      // Everywhere, so that the graph stays whole.
      const tensor = tensorOf(model, random);
      const old = where === 4 ? tensor.name : (node.output[0] ?? '');
      tensor.name = tensor.name === old ? name : tensor.name;
      for (const each of model.graph!.node) {
        each.input = each.input.map((input) => (input === old ? name : input));
        each.output = each.output.map((output) => (output === old ? name : output));
      }
    }
  },
  'duplicated names': (model, random) => {
    const where = random.int(4);
    if (where === 0) model.graph!.node.push(nodeOf(model, random));
    else if (where === 1) model.graph!.initializer.push(tensorOf(model, random));
    else if (where === 2) nodeOf(model, random).output = [...nodeOf(model, random).output];
    else model.graph!.input.push(...model.graph!.input);
  },
  cycles: (model, random) => {
    const node = nodeOf(model, random);
    const later = nodeOf(model, random);
    node.input[random.int(node.input.length + 1)] = pick(random, [
      ...later.output,
      ...node.output,
      'nowhere',
    ]);
  },
  'missing parts': (model, random) => {
    const { graph } = model;
    const list = pick(random, [
      graph!.node,
      graph!.initializer,
      graph!.input,
      graph!.output,
      model.opsetImport,
    ]);
    (list as unknown[]).splice(random.int(list.length), 1 + random.int(3));
  },
  shapes: (model, random) => {
    const tensor = tensorOf(model, random);
    const at = random.int(tensor.dims.length + 1);
    tensor.dims[at] = pick(random, NUMBERS);
    if (random.int(4) === 0)
      tensor.dims = Array.from({ length: 1 + random.int(12) }, () => pick(random, NUMBERS));
  },
  'input shapes': (model, random) => {
    const type = pick(random, model.graph!.input)?.type?.value;
    if (type?.case !== 'tensorType') return;
    const dim = pick(random, type.value.shape?.dim ?? []);
    if (dim) dim.value = { case: 'dimValue', value: pick(random, NUMBERS) };
    if (random.int(4) === 0) type.value.elemType = random.int(24);
  },
  'lengths of data': (model, random) => {
    const tensor = tensorOf(model, random);
    const length = Math.max(
      0,
      tensor.rawData.length + pick(random, [-1, 1, -tensor.rawData.length, 1000, -4, 3]),
    );
    const data = new Uint8Array(length);
    data.set(tensor.rawData.subarray(0, length));
    tensor.rawData = data;
  },
  'types of data': (model, random) => {
    tensorOf(model, random).dataType = pick(
      random,
      [0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 14, 16, 17, 22, 23, 99, -1],
    );
  },
  'extreme weights': (model, random) => {
    const { rawData } = tensorOf(model, random);
    const value = pick(random, [0x00, 0x7f, 0xff, 0x80]);
    rawData.fill(value, random.int(rawData.length + 1));
  },
  attributes: (model, random) => {
    const node = nodeOf(model, random);
    const attribute = pick(random, node.attribute);
    if (!attribute) return;
    if (attribute.ints.length > 0)
      attribute.ints[random.int(attribute.ints.length + 1)] = pick(random, NUMBERS);
    attribute.i = pick(random, NUMBERS);
    if (random.int(3) === 0) attribute.type = random.int(16);
    if (random.int(3) === 0)
      attribute.name = pick(random, ['kernel_shape', 'axis', 'perm', 'to', 'group', 'pads']);
  },
  operators: (model, random) => {
    nodeOf(model, random).opType = pick(random, OPERATORS);
  },
  versions: (model, random) => {
    const opset = pick(random, model.opsetImport);
    if (opset) opset.version = pick(random, [...NUMBERS, 6n, 9n, 13n, 22n]);
    if (random.int(3) === 0) model.irVersion = pick(random, NUMBERS);
  },
  'deep nesting': (model, random) => {
    const depth = pick(random, [1, 5, 20, 45, 90]);
    const attribute = create(AttributeProtoSchema, {
      name: 'then_branch',
      type: AttributeType.GRAPH,
      g: nested(depth),
    });
    addNode(model, { opType: 'If', input: ['c'], output: ['nested'], attribute: [attribute] });
  },
  'functions that call themselves': (model) => {
    model.functions.push(
      create(FunctionProtoSchema, {
        name: 'Again',
        domain: 'own',
        input: ['a'],
        output: ['b'],
        node: [{ opType: 'Again', domain: 'own', input: ['a'], output: ['b'] }],
        opsetImport: [{ domain: 'own', version: 1n }],
      }),
    );
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'own', version: 1n }));
    addNode(model, {
      opType: 'Again',
      domain: 'own',
      input: [model.graph!.input[0]?.name ?? ''],
      output: ['again'],
    });
    model.graph!.output.push(create(ValueInfoProtoSchema, { name: 'again' }));
  },
  'a tensor of terabytes': (model, random) => {
    const shape = create(TensorProtoSchema, {
      name: 'huge.shape',
      dims: [2n],
      dataType: 7,
      int64Data: [1n << 30n, 1n << BigInt(10 + random.int(20))],
    });
    model.graph!.initializer.push(shape);
    addNode(model, { opType: 'ConstantOfShape', input: ['huge.shape'], output: ['huge'] });
    model.graph!.output.push(create(ValueInfoProtoSchema, { name: 'huge' }));
  },
  'external data': (model, random, outside) => {
    const entries = {
      location: pick(random, hostileLocations(outside)),
      ...(random.int(2) && { offset: String(pick(random, NUMBERS)) }),
      ...(random.int(2) && {
        length: pick(random, ['4', '-1', '1e3', 'NaN', '99999999999999999999', '0x10']),
      }),
    };
    if (random.int(3) > 0) return moveOutside(tensorOf(model, random), entries);
    // In places where few readers look.
    const hidden = create(TensorProtoSchema, { name: 'hidden', dims: [1n], dataType: 1 });
    moveOutside(hidden, entries);
    const attribute = [
      create(AttributeProtoSchema, { name: 'value', type: AttributeType.TENSOR, t: hidden }),
    ];
    addNode(model, { opType: 'Constant', output: ['hidden.value'], attribute });
  },
  'external data in sparse tensors': (model, random, outside) => {
    const values = create(TensorProtoSchema, { name: 'sparse', dims: [1n], dataType: 1 });
    moveOutside(values, { location: pick(random, hostileLocations(outside)), offset: '0', length: '4' });
    const indices = create(TensorProtoSchema, { dims: [1n], dataType: 7, int64Data: [0n] });
    // SparseTensorProto has no place in our schema: values = 1, indices = 2, dims = 3 (packed).
    const sparse = Buffer.concat([
      field(1, toBinary(TensorProtoSchema, values)),
      field(2, toBinary(TensorProtoSchema, indices)),
      field(3, Buffer.of(1)),
    ]);
    const unknown = (no: number) => ({ no, wireType: WireType.LengthDelimited, data: prefixed(sparse) });
    model.graph!.output.push(create(ValueInfoProtoSchema, { name: 'sparse' }));
    if (random.int(2)) {
      model.graph!.$unknown = [unknown(15)];
      return;
    }
    const attribute = create(AttributeProtoSchema, {
      name: 'sparse_value',
      type: AttributeType.SPARSE_TENSOR,
    });
    attribute.$unknown = [unknown(22)];
    addNode(model, { opType: 'Constant', output: ['sparse'], attribute: [attribute] });
  },
};

const prefixed = (bytes: Uint8Array): Uint8Array => new BinaryWriter().bytes(bytes).finish();

const field = (no: number, bytes: Uint8Array): Uint8Array =>
  new BinaryWriter().tag(no, WireType.LengthDelimited).bytes(bytes).finish();
