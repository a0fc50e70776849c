/** A model as text, in ONNX's textual syntax (onnx/docs/Syntax.md) with weights elided, and where each name stands in it. */
import { bodiesOf } from '../proto/attributes';
import { BranchNames } from '../network/branchNames';
import {
  AttributeProto_AttributeType as Kind,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../proto/onnx_pb';
import { dimsOf, typeName } from '../proto/tensors';
import { attributeText, dimsText, identifier, typeText, valuesText } from './text';

/** A name in the text: line and column are 0-based, length in UTF-16 units. */
export interface ListedName {
  name: string;
  line: number;
  column: number;
  length: number;
  role: 'definition' | 'use';
}

export interface ListedNode {
  /** The node's own name; '' where the file has none. */
  name: string;
  op: string;
  outputs: string[];
  /** The same as a network names them: qualified where branches share a name. */
  tensors: string[];
  /** First and last line; more than one where the node has bodies. */
  line: number;
  lastLine: number;
  /** 0 in the main graph, 1 in a body of one of its nodes ... */
  depth: number;
}

export interface Listing {
  text: string;
  names: ListedName[];
  nodes: ListedNode[];
  /** Types of tensors, where the file tells: "float[1, 3, 32, 32]". */
  types: Record<string, string>;
  /** Names of the tensors stored in the file, outside of bodies. */
  stored: string[];
}

/** @param shapes inferred shapes by tensor name, added to those that the file states */
export function listModel(model: ModelProto, shapes: ReadonlyMap<string, string> = new Map()): Listing {
  const writer = new ListingText(shapes);
  const opsets = model.opsetImport.map((o) => `${JSON.stringify(o.domain)} : ${o.version}`).join(', ');
  writer.line(`<ir_version: ${model.irVersion}, opset_import: [${opsets}]>`);
  if (model.graph) writer.graph(model.graph, '', new BranchNames(model.graph));
  for (const f of model.functions) {
    writer.line('');
    writer.line(`<domain: ${JSON.stringify(f.domain)}>`);
    writer.line(
      `${identifier(f.name)} (${f.input.map(identifier).join(', ')}) => (${f.output.map(identifier).join(', ')}) {`,
    );
    for (const node of f.node) writer.node(node, 1, (name) => name);
    writer.line('}');
  }
  return writer.finish();
}

const INDENT = '  ';

class ListingText {
  private readonly lines: string[] = [];
  private current = '';
  private readonly names: ListedName[] = [];
  private readonly nodes: ListedNode[] = [];
  private readonly types = new Map<string, string>();
  private readonly stored: string[] = [];

  constructor(private readonly shapes: ReadonlyMap<string, string>) {}

  finish(): Listing {
    for (const [name, type] of this.shapes) if (!this.types.has(name)) this.types.set(name, type);
    return {
      text: `${this.lines.join('\n')}\n`,
      names: this.names,
      nodes: this.nodes,
      types: Object.fromEntries(this.types),
      stored: this.stored,
    };
  }

  line(text: string): void {
    this.put(text);
    this.end();
  }

  graph(graph: GraphProto, indent: string, names: BranchNames, depth = 0): void {
    this.put(`${identifier(graph.name || 'graph')} (`);
    this.values(graph.input);
    this.put(') => (');
    // Not definitions: the nodes below define them.
    graph.output.forEach((value, i) => {
      this.put(`${i === 0 ? '' : ', '}${this.typed(value)} `);
      this.name(value.name, 'use');
    });
    this.put(')');
    this.end();
    for (const value of graph.valueInfo) this.types.set(value.name, typeText(value.type));
    if (graph.initializer.length > 0) {
      this.line(`${indent}<`);
      graph.initializer.forEach((tensor, i) => {
        this.initializer(tensor, indent + INDENT, i === graph.initializer.length - 1, depth);
      });
      this.line(`${indent}>`);
    }
    this.line(`${indent}{`);
    const tensor = (name: string) => names.tensor(graph, name);
    for (const node of graph.node) this.node(node, depth + 1, tensor, names);
    this.put(`${indent}}`);
    if (depth === 0) this.end();
  }

  /** @param names absent: of a node in a function, which has no bodies that could be looked into */
  node(node: NodeProto, depth: number, tensor: (name: string) => string, names?: BranchNames): void {
    const indent = INDENT.repeat(depth);
    const listed: ListedNode = {
      name: node.name,
      op: node.opType,
      outputs: node.output.filter((name) => name !== ''),
      tensors: node.output.filter((name) => name !== '').map(tensor),
      line: this.lines.length,
      lastLine: this.lines.length,
      depth: depth - 1,
    };
    this.nodes.push(listed);
    this.put(indent);
    if (node.name !== '') this.put(`[${identifier(node.name)}] `);
    this.list(node.output, 'definition');
    this.put(` = ${node.domain === '' ? '' : `${node.domain}.`}${node.opType}`);
    const bodies = bodiesOf(node);
    const attributes = node.attribute.filter((a) => a.type !== Kind.GRAPH && a.type !== Kind.GRAPHS);
    if (attributes.length > 0) this.put(` <${attributes.map(attributeText).join(', ')}>`);
    this.put(' (');
    this.list(node.input, 'use');
    this.put(')');
    for (const [i, body] of bodies.entries()) {
      this.put(i === 0 ? ' <' : ',');
      this.end();
      this.put(`${indent}${INDENT}`);
      this.graph(body, indent + INDENT, names ?? new BranchNames(body), depth + 1);
    }
    if (bodies.length > 0) {
      this.end();
      this.put(`${indent}>`);
    }
    listed.lastLine = this.lines.length;
    this.end();
  }

  private initializer(tensor: TensorProto, indent: string, last: boolean, depth: number): void {
    const type = `${typeName(tensor.dataType)}${dimsText(dimsOf(tensor))}`;
    this.types.set(tensor.name, type);
    if (depth === 0) this.stored.push(tensor.name);
    this.put(`${indent}${type} `);
    this.name(tensor.name, 'definition');
    this.put(` = ${valuesText(tensor)}${last ? '' : ','}`);
    this.end();
  }

  private values(values: ValueInfoProto[]): void {
    values.forEach((value, i) => {
      this.put(`${i === 0 ? '' : ', '}${this.typed(value)} `);
      this.name(value.name, 'definition');
    });
  }

  private typed(value: ValueInfoProto): string {
    const type = typeText(value.type);
    this.types.set(value.name, type);
    return type;
  }

  private list(names: string[], role: ListedName['role']): void {
    names.forEach((name, i) => {
      if (i > 0) this.put(', ');
      this.name(name, role);
    });
  }

  private name(name: string, role: ListedName['role']): void {
    // An input that is left out is an empty name, which the syntax writes as "".
    const text = name === '' ? '""' : identifier(name);
    if (name !== '') {
      this.names.push({
        name,
        line: this.lines.length,
        column: this.current.length,
        length: text.length,
        role,
      });
    }
    this.put(text);
  }

  private put(text: string): void {
    this.current += text;
  }

  private end(): void {
    this.lines.push(this.current);
    this.current = '';
  }
}
