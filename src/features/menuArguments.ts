/** What a menu hands to a command: the clicked file, or the row of a tree that stands for it, and all selected ones. */
import * as vscode from 'vscode';

/** The arguments as a command takes them. A selection is left out, but for a command that takes many. */
export function menuArguments<A extends unknown[]>(args: A, takesMany = false): A {
  return args.map((arg: unknown): unknown => {
    if (!Array.isArray(arg)) return uriOf(arg);
    const uris = (arg as unknown[]).map(uriOf);
    if (!uris.some((each) => each instanceof vscode.Uri)) return arg;
    return takesMany && uris.length > 1 ? uris : undefined;
  }) as A;
}

function uriOf(arg: unknown): unknown {
  const isRow = typeof arg === 'object' && arg !== null && 'uri' in arg && arg.uri instanceof vscode.Uri;
  return isRow ? (arg as { uri: vscode.Uri }).uri : arg;
}
