/** A client of the protocol's own SDK drives the command as an agent's host does: a whole job, hostile calls, a cancelled one. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { tinyCnn } from '../support/models/zoo';
import { CLI } from './command';
import { save, scratch } from './harness';

/** A client that grants one folder. */
async function connected(folder: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '0' }, { capabilities: { roots: {} } });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: pathToFileURL(folder).href }] }));
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [CLI, 'mcp'], stderr: 'ignore' }),
  );
  onTestFinished(() => client.close());
  return client;
}

async function call(client: Client, name: string, given: Record<string, unknown>) {
  const { isError, content, structuredContent } = await client.callTool(
    { name, arguments: given },
    undefined,
    {
      timeout: 600_000,
    },
  );
  const [{ text }] = content as { text: string }[];
  return { isError: isError ?? false, text, value: structuredContent as Record<string, unknown> };
}

it('a whole job: inspect, quantize for a quality, export, eval, report', async () => {
  const folder = scratch();
  save(tinyCnn(), 'net.onnx', folder);
  const client = await connected(folder);
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('quantize');
  expect((await call(client, 'inspect', { model: 'net.onnx' })).value.layers).toHaveLength(4);
  const quantized = await call(client, 'quantize', {
    model: 'net.onnx',
    samples: 8,
    quality: { sqnrDb: 20 },
  });
  expect(quantized.isError, quantized.text).toBe(false);
  expect((quantized.value.measured as { sqnrDb: number }).sqnrDb).toBeGreaterThanOrEqual(20);
  const exported = await call(client, 'export', { config: 'net.ompq.json' });
  const evaluated = await call(client, 'eval', { model: 'net.onnx', other: exported.value.model, limit: 8 });
  expect((evaluated.value.against as { sqnrDb: number }).sqnrDb).toBeGreaterThan(15);
  const report = await call(client, 'report', { config: 'net.ompq.json', model: exported.value.model });
  expect(readFileSync(report.value.report as string, 'utf8')).toContain('net.onnx');
});

it('hostile arguments get errors, and a call that is taken back stops', async () => {
  const folder = scratch();
  save(tinyCnn(), 'net.onnx', folder);
  const client = await connected(folder);
  for (const given of [
    { model: '/etc/passwd', averageBits: 4 },
    { model: 'net.onnx', averageBits: 1e308 },
    { model: 'net.onnx', sizeBytes: Number.MAX_SAFE_INTEGER + 1 },
    { model: 'net.onnx', quality: { agreement: 2 } },
    { model: 'net.onnx', averageBits: 4, out: '../x.ompq.json' },
  ]) {
    expect((await call(client, 'quantize', given)).isError, JSON.stringify(given)).toBe(true);
  }
  const abort = new AbortController();
  const job = client.callTool(
    { name: 'quantize', arguments: { model: 'net.onnx', averageBits: 4, searchSeconds: 600 } },
    undefined,
    { signal: abort.signal, timeout: 600_000 },
  );
  abort.abort('enough');
  await expect(job).rejects.toThrow();
  expect((await call(client, 'inspect', { model: 'net.onnx' })).isError).toBe(false);
  expect(existsSync(join(folder, 'net.ompq.json'))).toBe(false);
});
