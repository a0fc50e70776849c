/** New names that collide with nothing in a graph. */
import { bodiesOf } from '../proto/attributes';
import type { GraphProto } from '../proto/onnx_pb';

/** Hands out names; remembers those that are taken. */
export class Names {
  private readonly taken: Set<string>;
  private readonly next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.taken = new Set(taken);
  }

  /** Every node and tensor name of the graph and of the bodies inside it: ONNX forbids shadowing. */
  static of(graph: GraphProto): Names {
    const names = new Names();
    const waiting = [graph];
    for (let current = waiting.pop(); current; current = waiting.pop()) {
      for (const { name } of [...current.input, ...current.output, ...current.initializer]) {
        names.taken.add(name);
      }
      for (const node of current.node) {
        names.taken.add(node.name);
        for (const name of node.input) names.taken.add(name);
        for (const name of node.output) names.taken.add(name);
        for (const body of bodiesOf(node)) waiting.push(body);
      }
    }
    return names;
  }

  has(name: string): boolean {
    return this.taken.has(name);
  }

  /** `wanted` itself where it is free, else wanted_2, wanted_3 ...; never ''. */
  unique(wanted: string): string {
    let name = wanted;
    let count = this.next.get(wanted) ?? 2;
    while (name === '' || this.taken.has(name)) name = `${wanted}_${count++}`;
    this.next.set(wanted, count);
    this.taken.add(name);
    return name;
  }
}
