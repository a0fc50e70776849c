/** Random operators that draw alike in two versions of a model, for checks; what is written keeps its own behaviour. */
import { allBodies, bodiesOf, isStandard } from '../proto/attributes';
import { mapBodies } from './bodies';
import { attribute, float } from '../proto/build';
import {
  GraphProtoSchema,
  NodeProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { withGraph } from './subgraph';

const RANDOM = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
]);

/** Does a run of the model draw random numbers? */
export function isRandom(model: ModelProto): boolean {
  return [model.graph!, ...allBodies(model.graph!)].some(({ node }) => node.some(draws));
}

/**
 * The model with a seed for every operator that draws: two versions of a model then draw the same in their first, second ...
 * run each, as long as they are fed alike.
 */
export function seeded(model: ModelProto): ModelProto {
  return isRandom(model) ? withGraph(model, { node: seededBody(model.graph!).node }) : model;
}

/** A Dropout draws where its training_mode is set: from opset 12 on an input, for opset 6 and below an attribute. */
function draws(node: NodeProto): boolean {
  if (!isStandard(node.domain)) return false;
  return RANDOM.has(node.opType) || (node.opType === 'Dropout' && (node.input[2] ?? '') !== '');
}

function seededBody(graph: GraphProto): GraphProto {
  const node = graph.node.map((each) => {
    const own = bodiesOf(each).length > 0 ? mapBodies(each, seededBody) : each;
    // Nodes with equal seeds would draw the same: each gets its own, by the name that is the same in both versions.
    return draws(own) ? withSeed(own, seedOf(own.output[0] ?? '')) : own;
  });
  return shallowCopy(GraphProtoSchema, graph, { node });
}

function withSeed(node: NodeProto, seed: number): NodeProto {
  const value = node.opType === 'Dropout' ? seed : float(seed);
  return shallowCopy(NodeProtoSchema, node, {
    attribute: [...node.attribute.filter(({ name }) => name !== 'seed'), attribute('seed', value)],
  });
}

/** 1 to 65,536: exact as a float, which most of these operators take. */
function seedOf(name: string): number {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  return 1 + ((hash >>> 0) % 65536);
}
