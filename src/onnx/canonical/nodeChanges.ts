/** How a node of an operator's old form is written in its new one (ONNX's Changelog.md); see CHANGES for who needs which. */
import { findAttribute, intAttribute, intsAttribute, stringAttribute } from '../proto/attributes';
import { attribute, int64s, node as makeNode, scalar, tensor } from '../proto/build';
import { NodeProtoSchema, TensorProto_DataType, type NodeProto, type TensorProto } from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';

export interface LiftTools {
  /** Axes of a tensor of the main graph; null where that is not known. */
  rank(tensor: string): number | null;
  /** Values of a stored tensor; null where there are none or too many. */
  values(tensor: string): number[] | null;
  /** Whether all floats of the model are float32, which limits that become inputs must be. */
  float32: boolean;
  /** Name of a new tensor. */
  name(hint: string): string;
  /** A Constant node that holds the value, and the name of its output. */
  constant(value: TensorProto, hint: string): [NodeProto, string];
}

/** The nodes in the form of the version, which may be of an operator that changes again later; null: no exact way. */
export type Change = (node: NodeProto, tools: LiftTools) => NodeProto[] | null;

/** The node without these attributes, and with other inputs. */
function changed(node: NodeProto, without: readonly string[], input = node.input): NodeProto {
  const kept = node.attribute.filter(({ name }) => !without.includes(name));
  return shallowCopy(NodeProtoSchema, node, { attribute: kept, input });
}

export const without =
  (...names: string[]): Change =>
  (node) => [changed(node, names)];

export const impossible: Change = () => null;

/** An attribute that holds a list of integers becomes the input at this position. */
export const toInput =
  (name: string, position: number): Change =>
  (node, tools) => {
    const values = intsAttribute(node, name);
    if (!values) return [node];
    const [made, output] = tools.constant(int64s('', values), `${node.output[0]}_${name}`);
    const input = [...node.input];
    while (input.length < position) input.push('');
    input[position] = output;
    return [made, changed(node, [name], input)];
  };

/** Before version 7 the second operand was laid over the first from `axis` on, or against its last axes. */
export const broadcast: Change = (node, tools) => {
  const plain = changed(node, ['broadcast', 'axis']);
  const axis = findAttribute(node, 'axis');
  if (intAttribute(node, 'broadcast', 0) === 0 || !axis) return [plain];
  const [a, b] = node.input.map((name) => tools.rank(name));
  if (a === null || b === null || a === undefined || b === undefined) return null;
  const from = Number(axis.i) < 0 ? Number(axis.i) + a : Number(axis.i);
  return [...trailing(node.input[1], b, a - from - b, plain, tools)];
};

/** `plain` with `missing` axes of size 1 behind those of its second input. */
function trailing(
  second: string,
  rank: number,
  missing: number,
  plain: NodeProto,
  tools: LiftTools,
): NodeProto[] {
  if (missing <= 0) return [plain];
  const output = tools.name(`${second}_aligned`);
  const axes = Array.from({ length: missing }, (_, i) => rank + i);
  return [
    makeNode('Unsqueeze', [second], [output], { axes }),
    shallowCopy(NodeProtoSchema, plain, { input: [plain.input[0], output] }),
  ];
}

/** Slopes per channel lay along axis 1. */
export const prelu: Change = (node, tools) => {
  const [x, slope] = node.input.map((name) => tools.rank(name));
  const one = tools.values(node.input[1] ?? '')?.length === 1;
  if (one) return [node];
  if (x === null || slope === null || x === undefined || slope === undefined) return null;
  return slope === 1 ? trailing(node.input[1], 1, x - 2, node, tools) : [node];
};

/** Only a node that says so, or puts out its result alone, is in the mode of inference. */
export const inference: Change = (node) =>
  intAttribute(node, 'is_test', 0) === 1 ? [changed(node, ['is_test'])] : null;

export const batchNormSpatial: Change = (node) =>
  intAttribute(node, 'spatial', 1) === 1 ? [changed(node, ['spatial'])] : null;

export const batchNormOutputs: Change = (node) =>
  node.output.slice(1).some((name) => name !== '') ? null : [node];

export const upsampleScales: Change = (node, tools) => {
  const scales = findAttribute(node, 'scales')?.floats;
  if (!scales) return null;
  const value = tensor('', [scales.length], Float32Array.from(scales));
  const [made, output] = tools.constant(value, `${node.output[0]}_scales`);
  return [made, changed(node, ['scales'], [node.input[0], output])];
};

export const upsampleToResize: Change = (node) => [shallowCopy(NodeProtoSchema, node, { opType: 'Resize' })];

/** Enlarging only: where it shrinks, the old Resize took another neighbour. */
export const resize: Change = (node, tools) => {
  const scales = tools.values(node.input[1] ?? '');
  if (!scales || scales.some((scale) => scale < 1)) return null;
  const [made, roi] = tools.constant(tensor('', [0], new Float32Array(0)), `${node.output[0]}_roi`);
  const lifted = changed(node, [], [node.input[0], roi, node.input[1]]);
  lifted.attribute = [
    ...lifted.attribute,
    attribute('coordinate_transformation_mode', 'asymmetric'),
    attribute('nearest_mode', 'floor'),
  ];
  return [made, lifted];
};

export const slice: Change = (node, tools) => {
  const lists = ['starts', 'ends', 'axes'].map((name) => intsAttribute(node, name));
  const made: NodeProto[] = [];
  const input = [node.input[0]];
  lists.forEach((values, index) => {
    if (!values) return;
    const [each, output] = tools.constant(int64s('', values), `${node.output[0]}_slice${index}`);
    made.push(each);
    input.push(output);
  });
  return lists[0] && lists[1] ? [...made, changed(node, ['starts', 'ends', 'axes'], input)] : null;
};

export const topK: Change = (node, tools) => {
  const [made, output] = tools.constant(int64s('', [intAttribute(node, 'k', 1)]), `${node.output[0]}_k`);
  return [made, changed(node, ['k'], [node.input[0], output])];
};

/** A limit or a fill value that becomes a float32 input. */
export const clip: Change = (node, tools) => {
  if (!tools.float32) return null;
  const made: NodeProto[] = [];
  const limit = (name: string): string => {
    const found = findAttribute(node, name);
    if (!found) return '';
    const [each, output] = tools.constant(scalar('', found.f), `${node.output[0]}_${name}`);
    made.push(each);
    return output;
  };
  const input = [node.input[0], limit('min'), limit('max')];
  while (input.at(-1) === '') input.pop();
  return [...made, changed(node, ['min', 'max'], input)];
};

export const pad: Change = (node, tools) => {
  const pads = intsAttribute(node, 'pads');
  if (!pads || !tools.float32) return null;
  const [made, input] = tools.constant(int64s('', pads), `${node.output[0]}_pads`);
  const value = scalar('', findAttribute(node, 'value')?.f ?? 0);
  const [fill, by] = tools.constant(value, `${node.output[0]}_fill`);
  return [made, fill, changed(node, ['pads', 'value'], [node.input[0], input, by])];
};

export const scatter: Change = (node) => [shallowCopy(NodeProtoSchema, node, { opType: 'ScatterElements' })];

/** Before version 13 all axes from `axis` on were one. */
export const flattened: Change = (node, tools) => {
  const [x = ''] = node.input;
  const rank = tools.rank(x);
  const given = intAttribute(node, 'axis', 1);
  const axis = rank !== null && given < 0 ? given + rank : given;
  const alone = changed(node, ['axis']);
  if (rank !== null && axis === rank - 1) {
    alone.attribute = [...alone.attribute, attribute('axis', -1)];
    return [alone];
  }
  const [shape, flat, result] = ['shape', 'flat', 'rows'].map((hint) => tools.name(`${x}_${hint}`));
  return [
    makeNode('Shape', [x], [shape]),
    makeNode('Flatten', [x], [flat], { axis: given }),
    shallowCopy(NodeProtoSchema, alone, { input: [flat], output: [result] }),
    makeNode('Reshape', [result, shape], [...node.output]),
  ];
};

export const equalParts: Change = (node) => {
  if ((node.input[1] ?? '') !== '') return [node];
  const lifted = changed(node, []);
  lifted.attribute = [...lifted.attribute, attribute('num_outputs', node.output.length)];
  return [lifted];
};

export const roiAlign: Change = (node) => {
  const lifted = changed(node, []);
  lifted.attribute = [...lifted.attribute, attribute('coordinate_transformation_mode', 'output_half_pixel')];
  return [lifted];
};

export const gridSample: Change = (node) => {
  const names: Record<string, string> = { bilinear: 'linear', bicubic: 'cubic' };
  const mode = stringAttribute(node, 'mode', 'bilinear');
  const lifted = changed(node, ['mode']);
  lifted.attribute = [...lifted.attribute, attribute('mode', names[mode] ?? mode)];
  return [lifted];
};

/** Reshape had its shape as an attribute. */
export const reshape: Change = (node, tools) =>
  intsAttribute(node, 'shape') ? toInput('shape', 1)(changed(node, ['consumed_inputs']), tools) : null;

/** Types were given by name. */
export const castByName: Change = (node) => {
  const to = TensorProto_DataType[stringAttribute(node, 'to', '') as keyof typeof TensorProto_DataType];
  if (to === undefined) return null;
  const lifted = changed(node, ['to']);
  lifted.attribute = [...lifted.attribute, attribute('to', to)];
  return [lifted];
};

export const pads: Change = (node) => {
  const lifted = changed(node, ['paddings']);
  const given = intsAttribute(node, 'paddings');
  if (!given) return null;
  lifted.attribute = [...lifted.attribute, attribute('pads', given)];
  return [lifted];
};

export const concatAxis: Change = (node) => {
  if (findAttribute(node, 'axis')) return [node];
  const lifted = changed(node, []);
  lifted.attribute = [...lifted.attribute, attribute('axis', 1)];
  return [lifted];
};
