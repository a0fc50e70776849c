import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as vscode from 'vscode';
import { contributedName, contributedTools } from '../../src/agents/contributed';
import { TOOLS } from '../../src/agents/schemas';
import { mcpServer } from '../../src/features/mcp';
import { activated, workspaceFile } from './extension';
import { copyOfModel, quantize } from './job';

interface Parts {
  content: { value: string }[];
}

/** Younger than the oldest VS Code that we run in. */
const { lm } = vscode as unknown as {
  lm: {
    tools?: { name: string; inputSchema: object }[];
    invokeTool(name: string, options: object): Promise<Parts>;
  };
};

describe('The tools for agents', () => {
  const invoke = async (tool: string, input: object): Promise<Record<string, unknown>> => {
    const options = { input, toolInvocationToken: undefined };
    const { content } = await lm.invokeTool(contributedName(tool), options);
    return JSON.parse(content[0].value) as Record<string, unknown>;
  };
  let extension: vscode.Extension<unknown>;

  before(async function () {
    extension = await activated();
    if (!lm.tools) this.skip();
  });

  it('are known to VS Code as package.json declares them', () => {
    const declared = (extension.packageJSON as { contributes: { languageModelTools: object[] } }).contributes
      .languageModelTools;
    assert.deepEqual(declared, contributedTools());
    for (const { name, inputSchema } of TOOLS) {
      const known = lm.tools!.find((tool) => tool.name === contributedName(name));
      assert.deepEqual(known?.inputSchema, inputSchema);
    }
  });

  it('look at a model and at a config of the workspace', async () => {
    const model = copyOfModel();
    const { layers } = (await invoke('inspect', { model: model.fsPath })) as { layers: { name: string }[] };
    assert.equal(layers.length, 14);
    const config = await quantize(model);
    const { points } = (await invoke('pareto', { config })) as { points: { bytes: number }[] };
    assert.ok(points.length >= 3);
    const told = (await invoke('explain', { config, most: 2 })) as { layers: object[]; of: number };
    assert.deepEqual([told.layers.length, told.of], [2, 14]);
  });

  it('refuse what does not fit their schema and what lies outside the workspace', async () => {
    const told = (tool: string, input: object): Promise<string> =>
      invoke(tool, input).then(
        () => 'nothing was refused',
        (error: Error) => error.message,
      );
    assert.match(await told('inspect', { model: tmpdir() }), /outside the folders/);
    assert.match(await told('inspect', { model: '/etc/passwd' }), /outside the folders/);
    assert.match(await told('inspect', { modell: 'x' }), /do not fit/);
    assert.match(await told('explain', { config: 'x.ompq.json', most: 1e99 }), /do not fit/);
  });

  it('are served to other agents by the server that the extension defines', async () => {
    const { command, args, env } = mcpServer(extension.extensionPath);
    assert.ok(existsSync(args[0]), args[0]);
    const transport = new StdioClientTransport({ command, args, env: { ...process.env, ...env } as never });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport);
    try {
      const { tools } = await client.listTools();
      assert.deepEqual(
        tools.map(({ name }) => name),
        TOOLS.map(({ name }) => name),
      );
      const model = workspaceFile('resnet_cifar10.onnx').fsPath;
      const reply = (await client.callTool({ name: 'inspect', arguments: { model } })) as unknown as {
        isError?: boolean;
        structuredContent: { layers: object[] };
      };
      assert.equal(reply.structuredContent.layers.length, 14);
    } finally {
      await client.close();
    }
  });
});
