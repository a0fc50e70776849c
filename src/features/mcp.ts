/** Offers the tools of `ompq mcp` to agents in VS Code, where this VS Code knows such providers (1.101 and later). */
import { join } from 'node:path';
import * as vscode from 'vscode';

/** As in package.json, contributes.mcpServerDefinitionProviders. */
const MCP_PROVIDER = 'ompq';

/** The part of the API that the oldest VS Code we run in does not have. */
interface McpApi {
  lm?: {
    registerMcpServerDefinitionProvider?: (
      id: string,
      provider: {
        provideMcpServerDefinitions: () => object[];
        onDidChangeMcpServerDefinitions: vscode.Event<void>;
      },
    ) => vscode.Disposable;
  };
  McpStdioServerDefinition?: new (
    label: string,
    command: string,
    args: string[],
    env: Record<string, string>,
    version: string,
  ) => object;
}

/** How `ompq mcp` of this extension is started for the folders of the workspace: by VS Code's own Node.js. */
export function mcpServer(extensionPath: string): {
  command: string;
  args: string[];
  env: Record<string, string>;
} {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const roots = folders.flatMap(({ uri }) => ['--root', uri.fsPath]);
  const args = [join(extensionPath, 'dist/cli.js'), 'mcp', ...roots];
  return { command: process.execPath, args, env: { ELECTRON_RUN_AS_NODE: '1' } };
}

export function registerMcp(context: vscode.ExtensionContext): void {
  const { lm, McpStdioServerDefinition } = vscode as unknown as McpApi;
  if (!lm?.registerMcpServerDefinitionProvider || !McpStdioServerDefinition) return;
  const changed = new vscode.EventEmitter<void>();
  const { version } = context.extension.packageJSON as { version: string };
  const provider = lm.registerMcpServerDefinitionProvider(MCP_PROVIDER, {
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: () => {
      const { command, args, env } = mcpServer(context.extensionPath);
      return [new McpStdioServerDefinition('OMPQ', command, args, env, version)];
    },
  });
  const folders = vscode.workspace.onDidChangeWorkspaceFolders(() => changed.fire());
  context.subscriptions.push(changed, provider, folders);
}
