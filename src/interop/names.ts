/** What other tools call the layers of a network: PyTorch's module paths where the file tells them, or what the user says. */
import type { Layer, Network } from '../onnx/network/network';
import { modulePath } from '../pytorch/paths';
import { FormatError } from './errors';
import { parseObject } from './json';

/** From a node's name, or its weight tensor's, to the foreign name. */
export type NameMap = ReadonlyMap<string, string>;

/** @param text a JSON object @throws FormatError, in a sentence that begins after the file's name */
export function parseNameMap(text: string): NameMap {
  const entries = Object.entries(parseObject(text));
  if (entries.some(([, name]) => typeof name !== 'string' || name === '')) {
    throw new FormatError("is no name map: a JSON object from names of nodes to the other tool's names.");
  }
  return new Map(entries as [string, string][]);
}

/** A layer without a name in the other tool, which a name map can give it. */
export class NameError extends FormatError {
  override name = 'NameError';
}

/**
 * Every layer's foreign name: the map's, or else derived.
 * @param derive null: the layer's name cannot be told
 * @param what a phrase for what is missing, e.g. "module of the HAWQ model"
 * @throws NameError for layers without a name; FormatError for names in the map that the network does not have, or given twice
 */
export function foreignNames(
  network: Network,
  names: NameMap,
  derive: (layer: Layer) => string | null,
  what: string,
): Map<Layer, string> {
  const layers = network.functions.flatMap((f) => f.layers);
  const known = new Set(layers.flatMap((layer) => [layer.node, layer.weight]));
  const unknown = [...names.keys()].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new FormatError(`The name map refers to unknown layers: ${list(unknown)}.`);
  }
  const found = new Map<Layer, string>();
  const nameless: string[] = [];
  const users = new Map<string, Layer>();
  for (const layer of layers) {
    const name = names.get(layer.node) ?? names.get(layer.weight) ?? derive(layer);
    if (name === null) {
      nameless.push(layer.node);
      continue;
    }
    const other = users.get(name);
    // A module that is called twice is two layers with the same weights; a recurrent one is two layers of one node.
    const isModule = layer.readsHidden && other?.output === layer.output;
    if (other && other.weight !== layer.weight && !isModule) {
      throw new FormatError(
        `"${other.node}" and "${layer.node}" would both be called "${name}"; tell them apart with a name map.`,
      );
    }
    users.set(name, layer);
    found.set(layer, name);
  }
  if (nameless.length > 0) {
    throw new NameError(`No ${what} is known for ${list(nameless)}: give a name map.`);
  }
  return found;
}

/** PyTorch's dotted path of the module that a layer came from, e.g. "layer1.0.conv1". */
export function torchModule({ weight, node }: Layer): string | null {
  return modulePath(weight, node)?.join('.') ?? null;
}

/** "a", "b" and 3 more */
export function list(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length > 1
    ? `${shown.slice(0, -1).join(', ')} and ${shown[shown.length - 1]}`
    : shown.join('');
}
