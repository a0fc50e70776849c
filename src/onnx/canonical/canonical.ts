/**
 * The one form in which the rest of the program knows a model: without local functions, fused operators, sparse
 * weights and products written as Einsum, every initializer a constant. Computes what the file computes.
 */
import { opsetOf } from '../proto/attributes';
import { densify } from './sparse';
import { einsumsAsProducts } from './einsum';
import { inlineFunctions } from './inlineFunctions';
import { lowerModel, raiseModel } from './opsets';
import { unfuse } from './unfuse';
import { GraphProtoSchema, ModelProtoSchema, type ModelProto } from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';

/** Below this operator set ONNX Runtime runs few operators. */
const OLDEST = 7;
/** Where models of older operator sets are lifted to. */
const LIFTED = 13;

/** @throws OnnxError for a model that was made for one processor, or whose functions call themselves */
export function canonicalModel(model: ModelProto): ModelProto {
  if (!model.graph) return model;
  const whole = einsumsAsProducts(densify(unfuse(inlineFunctions(constantInitializers(model)))));
  return lifted(whole);
}

/** A model of an operator set that ONNX Runtime does not run, in one that it does; itself where that is not exact. */
export function lifted(model: ModelProto): ModelProto {
  const lowered = lowerModel(model);
  if (lowered) return lowered;
  return isTooOld(model) ? (raiseModel(constantInitializers(model), LIFTED) ?? model) : model;
}

export function isTooOld(model: ModelProto): boolean {
  return opsetOf(model) < OLDEST;
}

/**
 * Files of IR version 3 and below list initializers as inputs, too, and these were constants; from version 4 on such an
 * input could be fed.
 */
function constantInitializers(model: ModelProto): ModelProto {
  if (model.irVersion >= 4n || !model.graph) return model;
  const held = new Set(model.graph.initializer.map(({ name }) => name));
  return shallowCopy(ModelProtoSchema, model, {
    irVersion: 4n,
    graph: shallowCopy(GraphProtoSchema, model.graph, {
      input: model.graph.input.filter(({ name }) => !held.has(name)),
    }),
  });
}
