/** Where things stand in a config's text, so that the editor can put lenses, annotations and squiggles there. */
import { findNodeAtLocation, parseTree, type Node } from 'jsonc-parser';
import { isTooDeep } from './depth';

export interface Span {
  offset: number;
  length: number;
}

export interface LocatedFunction {
  name: string;
  /** The whole object. */
  span: Span;
  nameSpan: Span;
  /** null where the text has none. */
  bits: { value: number; span: Span } | null;
  lock: boolean;
}

export interface Located {
  /** The opening brace. */
  top: Span;
  functions: LocatedFunction[];
  /** The values of model.sha256 and totals.bytes, where they are. */
  sha256: Span | null;
  totalBytes: Span | null;
  /** The values of these in allocation. */
  limits: Span | null;
  rules: Span | null;
  ties: Span | null;
}

/** Works on text that is half typed, too: what cannot be found is left out. null: no JSON object at all. */
export function locate(text: string): Located | null {
  if (isTooDeep(text)) return null;
  const root = parseTree(text);
  if (root?.type !== 'object') return null;
  const functions = findNodeAtLocation(root, ['functions'])?.children ?? [];
  return {
    top: { offset: root.offset, length: 1 },
    functions: functions.flatMap((node) => locateFunction(node) ?? []),
    sha256: span(findNodeAtLocation(root, ['model', 'sha256'])),
    totalBytes: span(findNodeAtLocation(root, ['totals', 'bytes'])),
    limits: span(findNodeAtLocation(root, ['allocation', 'limits'])),
    rules: span(findNodeAtLocation(root, ['allocation', 'rules'])),
    ties: span(findNodeAtLocation(root, ['allocation', 'ties'])),
  };
}

function locateFunction(node: Node): LocatedFunction | null {
  const name = findNodeAtLocation(node, ['name']);
  if (name?.type !== 'string') return null;
  const bits = findNodeAtLocation(node, ['bits']);
  return {
    name: String(name.value),
    span: { offset: node.offset, length: node.length },
    nameSpan: { offset: name.offset, length: name.length },
    bits:
      bits?.type === 'number'
        ? { value: Number(bits.value), span: { offset: bits.offset, length: bits.length } }
        : null,
    lock: findNodeAtLocation(node, ['lock'])?.value === true,
  };
}

function span(node: Node | undefined): Span | null {
  return node ? { offset: node.offset, length: node.length } : null;
}
