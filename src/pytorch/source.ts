/** What the modules of a Python file are made of, read with a real parser. */
import { parser } from '@lezer/python';
import type { SyntaxNode } from '@lezer/common';

/** An expression that makes modules. Lines are 0-based. */
export type ModuleExpression =
  /** A call whose inside is not in this file: nn.Conv2d(...). */
  | { kind: 'leaf'; callee: string; line: number }
  /** An instance of a class of this file. */
  | { kind: 'instance'; className: string; line: number }
  /** nn.Sequential(a, b), nn.ModuleList([a, b]). */
  | { kind: 'sequence'; items: ModuleExpression[] }
  /** nn.ModuleDict({...}), nn.Sequential(OrderedDict(...)). */
  | { kind: 'named'; items: Map<string, ModuleExpression> }
  /** Any number of children, each one of `item`. */
  | { kind: 'repeat'; item: ModuleExpression }
  /** One of several; which one the file does not say. */
  | { kind: 'choice'; options: ModuleExpression[] };

export interface ModuleClass {
  name: string;
  line: number;
  /** What `self.NAME = ...` holds; several assignments become a choice. */
  attributes: Map<string, ModuleExpression>;
}

const CONTAINERS = new Set(['Sequential', 'ModuleList']);
const MAX_DEPTH = 50;

export function readModules(text: string): Map<string, ModuleClass> {
  return new Reader(text).read();
}

class Reader {
  private readonly lineStarts: number[] = [0];
  private readonly classNodes = new Map<string, SyntaxNode>();

  constructor(private readonly text: string) {
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.lineStarts.push(i + 1);
  }

  read(): Map<string, ModuleClass> {
    const top = parser.parse(this.text).topNode;
    for (const node of descendants(top, 'ClassDefinition')) {
      const name = node.getChild('VariableName');
      if (name) this.classNodes.set(this.slice(name), node);
    }
    return new Map([...this.classNodes].map(([name, node]) => [name, this.readClass(name, node)]));
  }

  private readClass(name: string, node: SyntaxNode): ModuleClass {
    const attributes = new Map<string, ModuleExpression>();
    for (const assignment of descendants(node, 'AssignStatement')) {
      const target = assignment.firstChild;
      const attribute = target && this.selfAttribute(target);
      const value = assignment.lastChild;
      const made = attribute && value ? this.expression(value, node, 0) : null;
      if (!attribute || !made) continue;
      const before = attributes.get(attribute);
      attributes.set(attribute, before ? choice([before, made]) : made);
    }
    return { name, line: this.line(node), attributes };
  }

  /** NAME of `self.NAME`. */
  private selfAttribute(node: SyntaxNode): string | null {
    if (node.name !== 'MemberExpression' || !node.firstChild || this.slice(node.firstChild) !== 'self')
      return null;
    const property = node.getChild('PropertyName');
    return property && this.slice(property);
  }

  /** null: makes no module that we could know. */
  private expression(node: SyntaxNode, owner: SyntaxNode, depth: number): ModuleExpression | null {
    if (depth > MAX_DEPTH) return null;
    if (node.name === 'ConditionalExpression') {
      return choice(children(node).flatMap((child) => this.expression(child, owner, depth + 1) ?? []));
    }
    if (node.name === 'ParenthesizedExpression' && node.firstChild?.nextSibling) {
      return this.expression(node.firstChild.nextSibling, owner, depth + 1);
    }
    if (node.name !== 'CallExpression' || !node.firstChild) return null;
    const callee = node.firstChild;
    const name = this.slice(callee);
    const short = name.slice(name.lastIndexOf('.') + 1);
    if (CONTAINERS.has(short)) return this.container(node, owner, depth + 1);
    if (short === 'ModuleDict') return this.named(node, owner, depth + 1);
    if (this.classNodes.has(name)) return { kind: 'instance', className: name, line: this.line(node) };
    const method = this.selfAttribute(callee);
    if (method) return this.method(method, owner, depth + 1);
    // A parameter such as `block`: some class of this file.
    if (callee.name === 'VariableName' && !/^[A-Z]/.test(name)) return this.anyClass(node);
    return { kind: 'leaf', callee: short, line: this.line(node) };
  }

  private container(call: SyntaxNode, owner: SyntaxNode, depth: number): ModuleExpression {
    const args = callArguments(call);
    const only = args.length === 1 ? args[0] : null;
    if (only?.name === 'CallExpression' && /(?:^|\.)OrderedDict$/.test(this.slice(only.firstChild!))) {
      return this.named(only, owner, depth);
    }
    if (only?.name === 'ArrayComprehensionExpression') {
      const item = only.getChild('CallExpression');
      return { kind: 'repeat', item: (item && this.expression(item, owner, depth)) ?? choice([]) };
    }
    // nn.Sequential(*layers), nn.ModuleList(layers): whatever the function around it makes.
    if (only && (only.name === 'VariableName' || this.text[call.getChild('ArgList')!.from + 1] === '*')) {
      const body = enclosingFunction(call) ?? owner;
      return { kind: 'repeat', item: choice(this.made(body, owner, depth, call)) };
    }
    const items = only?.name === 'ArrayExpression' ? children(only).filter(isExpression) : args;
    return {
      kind: 'sequence',
      items: items.map((item) => this.expression(item, owner, depth) ?? choice([])),
    };
  }

  /** Children under the string keys of a dict, or of a list of pairs. */
  private named(call: SyntaxNode, owner: SyntaxNode, depth: number): ModuleExpression {
    const items = new Map<string, ModuleExpression>();
    const add = (key: SyntaxNode, value: SyntaxNode): void => {
      const made = key.name === 'String' ? this.expression(value, owner, depth) : null;
      if (made) items.set(this.slice(key).slice(1, -1), made);
    };
    for (const pair of descendants(call, 'TupleExpression')) {
      const [key, value] = children(pair).filter(isExpression);
      if (key && value) add(key, value);
    }
    for (const dict of descendants(call, 'DictionaryExpression')) {
      const entries = children(dict).filter(isExpression);
      for (let i = 0; i + 1 < entries.length; i += 2) add(entries[i], entries[i + 1]);
    }
    return { kind: 'named', items };
  }

  /** What a method of the same class makes and returns. */
  private method(name: string, owner: SyntaxNode, depth: number): ModuleExpression | null {
    const body = descendants(owner, 'FunctionDefinition').find((f) => {
      const own = f.getChild('VariableName');
      return own && this.slice(own) === name;
    });
    const returned = body && descendants(body, 'ReturnStatement').at(-1)?.lastChild;
    return returned ? this.expression(returned, owner, depth) : null;
  }

  /** Every module that a function body makes, but for the call `except`. */
  private made(body: SyntaxNode, owner: SyntaxNode, depth: number, except: SyntaxNode): ModuleExpression[] {
    return descendants(body, 'CallExpression').flatMap((call) => {
      if (call.from <= except.from && except.to <= call.to) return [];
      const callee = call.firstChild ? this.slice(call.firstChild) : '';
      if (!this.classNodes.has(callee) && !/^(?:nn\.|torch\.nn\.)/.test(callee) && !/^[a-z_]+$/.test(callee))
        return [];
      return this.expression(call, owner, depth) ?? [];
    });
  }

  private anyClass(call: SyntaxNode): ModuleExpression {
    const line = this.line(call);
    return choice([...this.classNodes.keys()].map((className) => ({ kind: 'instance', className, line })));
  }

  private slice(node: SyntaxNode): string {
    return this.text.slice(node.from, node.to);
  }

  private line(node: SyntaxNode): number {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lineStarts[middle] <= node.from) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function choice(options: ModuleExpression[]): ModuleExpression {
  const flat = options.flatMap((option) => (option.kind === 'choice' ? option.options : [option]));
  return flat.length === 1 ? flat[0] : { kind: 'choice', options: flat };
}

function children(node: SyntaxNode): SyntaxNode[] {
  const list: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) list.push(child);
  return list;
}

/** All nodes of one kind below `node`, in the order of the text. */
function descendants(node: SyntaxNode, name: string): SyntaxNode[] {
  const list: SyntaxNode[] = [];
  node.cursor().iterate((reference) => {
    const isSelf = reference.name === node.name && reference.from === node.from && reference.to === node.to;
    if (reference.name === name && !isSelf) list.push(reference.node);
  });
  return list;
}

/** Positional arguments. */
function callArguments(call: SyntaxNode): SyntaxNode[] {
  const list = call.getChild('ArgList');
  if (!list) return [];
  const all = children(list);
  return all.filter(
    (node, i) => isExpression(node) && all[i + 1]?.name !== 'AssignOp' && all[i - 1]?.name !== 'AssignOp',
  );
}

function isExpression(node: SyntaxNode): boolean {
  return /^[A-Z]/.test(node.name) && node.name !== 'Comment' && node.name !== 'AssignOp';
}

function enclosingFunction(node: SyntaxNode): SyntaxNode | null {
  for (let at = node.parent; at; at = at.parent) if (at.name === 'FunctionDefinition') return at;
  return null;
}
