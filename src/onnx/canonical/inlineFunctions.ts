/** Model-local functions put in line: every call becomes the function's nodes, under names of their own. */
import { isStandard } from '../proto/attributes';
import { node as makeNode } from '../proto/build';
import { OnnxError } from '../../common/fileErrors';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OperatorSetIdProto,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { Names } from '../graph/names';
import { raiseModel, raiseNodes } from './opsets';

/** Functions that call functions, at most; no exporter comes near. */
const DEEPEST = 64;
/** Nodes after inlining, at most: functions that call each other twice double at every level. */
const MOST_NODES = 200_000;

/**
 * The model without its functions, but for those written for an operator set that its own cannot be made to agree with.
 * A model without functions is given back itself.
 * @throws OnnxError where a function calls itself, or calls are nested without end
 */
export function inlineFunctions(model: ModelProto): ModelProto {
  if (model.functions.length === 0 || !model.graph) return model;
  const raised = atNewestOpset(model);
  const inliner = new Inliner(raised);
  const graph = inliner.graph(raised.graph!);
  return shallowCopy(ModelProtoSchema, raised, {
    graph,
    functions: raised.functions.filter((each) => inliner.isKept(each)),
    opsetImport: inliner.opsets,
  });
}

/** A function of a newer operator set than the model's lifts the model, where nothing in the model changes by that. */
function atNewestOpset(model: ModelProto): ModelProto {
  const versions = model.functions.map(({ opsetImport }) => standardVersion(opsetImport) ?? 0);
  return raiseModel(model, Math.max(...versions)) ?? model;
}

function standardVersion(opsets: readonly OperatorSetIdProto[]): number | undefined {
  const own = opsets.find(({ domain }) => isStandard(domain));
  return own && Number(own.version);
}

function keyOf(domain: string, name: string, overload: string): string {
  return [isStandard(domain) ? '' : domain, name, overload].join('\n');
}

type Rename = (name: string) => string;

class Inliner {
  readonly opsets: OperatorSetIdProto[];
  private readonly functions = new Map<string, FunctionProto>();
  private readonly names: Names;
  private count = 0;

  constructor(model: ModelProto) {
    this.names = Names.of(model.graph!);
    this.opsets = [...model.opsetImport];
    for (const each of model.functions) {
      const nodes = this.adopted(each);
      if (!nodes) continue;
      this.functions.set(
        keyOf(each.domain, each.name, each.overload),
        shallowCopy(FunctionProtoSchema, each, { node: nodes }),
      );
    }
  }

  isKept({ domain, name, overload }: FunctionProto): boolean {
    return !this.functions.has(keyOf(domain, name, overload));
  }

  graph(graph: GraphProto): GraphProto {
    return shallowCopy(GraphProtoSchema, graph, { node: this.nodes(graph.node, []) });
  }

  /** The function's nodes as the model's operator sets read them; null where that cannot be. */
  private adopted({ opsetImport, node }: FunctionProto): NodeProto[] | null {
    let nodes: NodeProto[] | null = node;
    for (const own of opsetImport) {
      const same = ({ domain }: OperatorSetIdProto) =>
        domain === own.domain || (isStandard(domain) && isStandard(own.domain));
      const found = this.opsets.find(same);
      if (!found) this.opsets.push(own);
      else if (found.version !== own.version && nodes) {
        nodes = isStandard(own.domain) ? raiseNodes(nodes, Number(own.version), Number(found.version)) : null;
      }
    }
    return nodes;
  }

  /** @param callers functions that the nodes lie in, outermost first */
  private nodes(nodes: readonly NodeProto[], callers: readonly FunctionProto[]): NodeProto[] {
    this.count += nodes.length;
    if (this.count > MOST_NODES) {
      throw new OnnxError(`The functions of the model call each other more than ${MOST_NODES} times.`);
    }
    return nodes.flatMap((node) => {
      const called = this.functions.get(keyOf(node.domain, node.opType, node.overload));
      if (!called) return [this.withBodies(node, callers)];
      if (callers.includes(called) || callers.length >= DEEPEST) {
        throw new OnnxError(`The function "${called.name}" of the model calls itself.`);
      }
      return this.nodes(this.call(node, called), [...callers, called]);
    });
  }

  private withBodies(node: NodeProto, callers: readonly FunctionProto[]): NodeProto {
    if (!node.attribute.some(({ g, graphs }) => g || graphs.length > 0)) return node;
    const inner = (body: GraphProto) =>
      shallowCopy(GraphProtoSchema, body, { node: this.nodes(body.node, callers) });
    const attribute = node.attribute.map((each) =>
      shallowCopy(AttributeProtoSchema, each, {
        ...(each.g ? { g: inner(each.g) } : {}),
        graphs: each.graphs.map(inner),
      }),
    );
    return shallowCopy(NodeProtoSchema, node, { attribute });
  }

  /** The function's nodes between the tensors of one call. */
  private call(call: NodeProto, called: FunctionProto): NodeProto[] {
    const prefix = call.name || this.names.unique(call.opType);
    const renamed = new Map<string, string>([['', '']]);
    called.input.forEach((formal, index) => renamed.set(formal, call.input[index] ?? ''));
    const passed: NodeProto[] = [];
    called.output.forEach((formal, index) => {
      const actual = call.output[index] ?? '';
      if (actual === '') return;
      // What goes in comes out, or one tensor comes out twice.
      if (renamed.has(formal)) passed.push(makeNode('Identity', [renamed.get(formal)!], [actual]));
      else renamed.set(formal, actual);
    });
    const rename: Rename = (name) => {
      let own = renamed.get(name);
      if (own === undefined) renamed.set(name, (own = this.names.unique(`${prefix}/${name}`)));
      return own;
    };
    const given = new Map(called.attributeProto.map((each) => [each.name, each]));
    for (const each of call.attribute) given.set(each.name, each);
    const nodes = called.node.map((node, index) =>
      this.copy(
        node,
        rename,
        given,
        this.names.unique(`${prefix}/${node.name || `${node.opType}_${index}`}`),
      ),
    );
    return [...nodes, ...passed];
  }

  private copy(
    node: NodeProto,
    rename: Rename,
    given: ReadonlyMap<string, AttributeProto>,
    name: string,
  ): NodeProto {
    const attribute = node.attribute.flatMap((each) => {
      if (each.refAttrName !== '') {
        const value = given.get(each.refAttrName);
        // Not given and without a default: the operator's own default.
        return value ? [shallowCopy(AttributeProtoSchema, value, { name: each.name })] : [];
      }
      if (!each.g && each.graphs.length === 0) return [each];
      const inner = (body: GraphProto) => this.body(body, rename, given);
      return [
        shallowCopy(AttributeProtoSchema, each, {
          ...(each.g ? { g: inner(each.g) } : {}),
          graphs: each.graphs.map(inner),
        }),
      ];
    });
    return shallowCopy(NodeProtoSchema, node, {
      name,
      input: node.input.map(rename),
      output: node.output.map(rename),
      attribute,
    });
  }

  /** A body inside the function: its own tensors get new names, too, for ONNX forbids shadowing. */
  private body(body: GraphProto, rename: Rename, given: ReadonlyMap<string, AttributeProto>): GraphProto {
    const info = (each: GraphProto['input'][number]) =>
      shallowCopy(ValueInfoProtoSchema, each, { name: rename(each.name) });
    return shallowCopy(GraphProtoSchema, body, {
      input: body.input.map(info),
      output: body.output.map(info),
      valueInfo: body.valueInfo.map(info),
      initializer: body.initializer.map((each) =>
        shallowCopy(TensorProtoSchema, each, { name: rename(each.name) }),
      ),
      node: body.node.map((node, index) =>
        this.copy(node, rename, given, this.names.unique(node.name || `${node.opType}_${index}`)),
      ),
    });
  }
}
