/** Layers in the branches of an If. */
import { describe, expect, it } from 'vitest';
import { editBodies } from '../../../../src/onnx/graph/bodies';
import { Graph } from '../../../../src/onnx/graph/graph';
import { listModel } from '../../../../src/onnx/listing/listing';
import { takeBranches } from '../../../../src/onnx/network/branches';
import { findNetwork } from '../../../../src/onnx/network/functions';
import type { Branches } from '../../../../src/onnx/network/network';
import { tensorFinder } from '../../../../src/onnx/packing/weights';
import { node, tensor, valueInfo } from '../../../../src/onnx/proto/build';
import { graphBody } from '../../../support/models/graphBody';
import { branched } from '../../../support/models/branched';
import { ModelBuilder } from '../../../support/models/builder';

const names = (branches: Branches) => findNetwork(branched(), { branches }).functions.map(({ name }) => name);

describe('taking a branch', () => {
  it('finds its layers, under names that no other branch has', () => {
    const taken = { choose: 'then', 'choose.then/inside': 'else' } as const;
    expect(names(taken)).toEqual([
      'first',
      'outside',
      'choose.then/proj',
      'choose.then/tied',
      'choose.then/inside.else/deep',
      'last',
    ]);
    const { functions } = findNetwork(branched(), { branches: taken });
    const weights = functions.flatMap(({ layers }) => layers.map(({ weight }) => weight));
    expect(weights).toEqual([
      'first.weight',
      'shared',
      'choose.then/w',
      'shared',
      'choose.then/inside.else/v',
      'last.weight',
    ]);
  });

  it('keeps names that are the only ones of their kind', () => {
    const model = new ModelBuilder();
    model.input('c', [], 9);
    const x = model.input('x', [2, 8]);
    const then = graphBody(
      'a',
      [node('MatMul', [x, 'w'], ['h'], {}, { name: 'only' })],
      [],
      [valueInfo('h', 1, null)],
      [tensor('w', [8, 8], new Float32Array(64))],
    );
    const other = graphBody('b', [node('Identity', [x], ['i'])], [], [valueInfo('i', 1, null)]);
    model.output(model.op('If', ['c'], { then_branch: then, else_branch: other }, { name: '', output: 'y' }));
    model.graph.node[0].name = '';
    const network = findNetwork(model.build(), { branches: { y: 'then' } });
    expect(network.functions.map(({ name, layers }) => [name, layers[0].weight, layers[0].output])).toEqual([
      ['only', 'w', 'h'],
    ]);
  });

  it('ties layers that share a weight of the main graph', () => {
    const { ties, functions } = findNetwork(branched(), { branches: { choose: 'else' } });
    expect(ties.map((group) => group.map((i) => functions[i].name))).toEqual([
      ['outside', 'choose.else/tied'],
    ]);
  });

  it('says what stays float in the other branch, but for weights that are shared', () => {
    const { skipped } = findNetwork(branched(), {
      branches: { choose: 'then', 'choose.then/inside': 'then' },
    });
    const reason = (name: string, branch: string) =>
      `it lies in the ${branch} branch of the If node "${name}", which the calibration data do not take`;
    expect(skipped).toEqual([
      { name: 'deep', op: 'MatMul', reason: reason('choose.then/inside', 'else') },
      { name: 'proj', op: 'MatMul', reason: reason('choose', 'else') },
      { name: 'deep', op: 'MatMul', reason: reason('choose', 'else') },
      { name: 'deep', op: 'MatMul', reason: reason('choose', 'else') },
    ]);
  });

  it('leaves an If alone whose branch is not known, or changes', () => {
    expect(findNetwork(branched()).skipped.map(({ reason }) => reason)).toContain(
      'it lies inside the body of the If node "choose"',
    );
    const { skipped, functions } = findNetwork(branched(), { branches: {} });
    expect(functions.map(({ name }) => name)).toEqual(['first', 'outside', 'last']);
    expect(skipped[0].reason).toBe(
      'it lies inside the body of the If node "choose", whose branch changes from one calibration sample to the next',
    );
  });

  it('gives a graph in which every tensor has one producer, and is the model itself where nothing is taken', () => {
    const model = branched();
    expect(takeBranches(model).model).toBe(model);
    expect(takeBranches(model).open).toEqual([{ name: 'choose', condition: 'is_one' }]);
    const inlined = takeBranches(model, { choose: 'then' });
    expect(inlined.open).toEqual([{ name: 'choose.then/inside', condition: 'choose.then/c' }]);
    const made = new Graph(inlined.model.graph!).order.flatMap(({ output }) => output.filter(Boolean));
    expect(new Set(made).size).toBe(made.length);
  });

  it('finds the weights in the file', () => {
    const model = branched();
    const find = tensorFinder(model, { choose: 'then', 'choose.then/inside': 'else' });
    const choose = model.graph!.node.find(({ opType }) => opType === 'If')!;
    const then = choose.attribute.find(({ name }) => name === 'then_branch')!.g!;
    expect(find('choose.then/w')).toMatchObject({ body: then, name: 'w', constant: null });
    expect(find('choose.then/inside.else/v')).toMatchObject({ name: 'v', constant: { opType: 'Constant' } });
    expect(find('shared')).toMatchObject({ body: model.graph, name: 'shared' });
    expect(find('choose.else/w')).toBeUndefined();
  });
});

it('a body is edited in a copy that shares the rest', () => {
  const { graph } = branched();
  const choose = graph!.node.find(({ opType }) => opType === 'If')!;
  const [then, other] = ['then_branch', 'else_branch'].map(
    (name) => choose.attribute.find((attribute) => attribute.name === name)!.g!,
  );
  const copy = editBodies(graph!, new Map([[then, () => other]]));
  const changed = copy.node.find(({ opType }) => opType === 'If')!;
  expect(changed.attribute.map(({ g }) => g)).toEqual([other, other]);
  expect(choose.attribute[0].g).toBe(then);
  expect(copy.node.filter((each, i) => each !== graph!.node[i])).toEqual([changed]);
  expect(editBodies(graph!, new Map())).toBe(graph);
});

it('a body that stays one reads the tensors around it under their new names', () => {
  const model = branched();
  const inlined = takeBranches(model, { choose: 'else' });
  const inside = inlined.model.graph!.node.find(({ name }) => name === 'choose.else/inside')!;
  const bodies = inside.attribute.map(({ g }) => g!);
  expect(bodies.map(({ node: [, deep] }) => deep.input)).toEqual([
    ['choose.else/t', 'v'],
    ['choose.else/t', 'v'],
  ]);
});

it('the listing knows the line of every layer in a branch', () => {
  const model = branched();
  const { nodes } = listModel(model);
  const { functions } = findNetwork(model, { branches: { choose: 'else', 'choose.else/inside': 'then' } });
  const lines = functions.map(
    ({ layers: [{ output }] }) => nodes.find((each) => each.tensors.includes(output))?.line,
  );
  expect(lines.every((line) => line !== undefined)).toBe(true);
  expect(new Set(lines).size).toBe(6);
});
