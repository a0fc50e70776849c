/** From the names an exporter leaves in an ONNX file back to PyTorch's module paths. */

/**
 * "layer1.0.conv1.weight" or "/layer1/layer1.0/conv1/Conv" -> ["layer1", "0", "conv1"].
 * @param weight name of the initializer
 * @param node name of the node
 * @returns null where neither tells
 */
export function modulePath(weight: string, node: string): string[] | null {
  return fromWeight(weight) ?? fromNode(node);
}

function fromWeight(name: string): string[] | null {
  const parts = name.split('.');
  if (parts.length < 2 || parts.pop() !== 'weight' || name.includes(':')) return null;
  return parts;
}

/** TorchScript's scopes repeat the path of a container's child: /features/features.0/features.0.0/Conv. */
function fromNode(name: string): string[] | null {
  const scopes = name.split('/');
  if (scopes.length < 3 || scopes[0] !== '') return null;
  const path: string[] = [];
  let before = '';
  for (const scope of scopes.slice(1, -1)) {
    const own = before !== '' && scope.startsWith(`${before}.`) ? scope.slice(before.length + 1) : scope;
    path.push(...own.split('.'));
    before = scope;
  }
  return path;
}

/** Module paths as a tree; the root stands for the whole network. */
export interface PathTree {
  /** A path ends here. */
  ends: boolean;
  children: Map<string, PathTree>;
}

export function pathTree(paths: Iterable<readonly string[]>): PathTree {
  const root: PathTree = { ends: false, children: new Map() };
  for (const path of paths) {
    let at = root;
    for (const part of path) {
      let next = at.children.get(part);
      if (!next) {
        next = { ends: false, children: new Map() };
        at.children.set(part, next);
      }
      at = next;
    }
    at.ends = true;
  }
  return root;
}
