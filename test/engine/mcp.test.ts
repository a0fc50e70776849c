/** The server of tools for agents, driven line by line as a client does. */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveTools } from '../../src/cli/mcp/server';
import { tinyCnn } from '../support/models/zoo';
import { save, scratch, startEngine } from './harness';

interface Reply {
  result?: {
    isError?: boolean;
    content?: { text: string }[];
    structuredContent?: Record<string, never>;
    tools?: { name: string }[];
  };
  error?: { code: number; message: string };
}

/** A client that grants `folder`, with what it has been told. */
async function client(folder: string) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const { engine } = startEngine();
  const served = serveTools(input, output, { engine, cache: undefined, folders: [] });
  const waiting = new Map<number, (reply: Reply) => void>();
  const notices: { method: string; params: Record<string, number> }[] = [];
  const send = (message: object): void =>
    void input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  createInterface({ input: output }).on('line', (line) => {
    const message = JSON.parse(line) as Reply & { id?: number; method?: string; params: never };
    if (message.method === 'roots/list')
      send({ id: message.id, result: { roots: [{ uri: pathToFileURL(folder).href }] } });
    else if (message.method) notices.push({ method: message.method, params: message.params });
    else waiting.get(message.id!)?.(message);
  });
  let last = 0;
  const request = (method: string, params: object = {}): Promise<Reply> & { id: number } => {
    const id = ++last;
    const reply = new Promise<Reply>((resolve) => waiting.set(id, resolve));
    send({ id, method, params });
    return Object.assign(reply, { id });
  };
  const call = async (name: string, given: object) => {
    const { result, error } = await request('tools/call', {
      name,
      arguments: given,
      _meta: { progressToken: name },
    });
    return {
      isError: result?.isError ?? error !== undefined,
      text: result?.content?.[0].text ?? error?.message ?? '',
      value: result?.structuredContent as Record<string, unknown>,
    };
  };
  onTestFinished(async () => {
    input.end();
    await served;
  });
  await request('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: { roots: {} },
    clientInfo: { name: 'test', version: '0' },
  });
  send({ method: 'notifications/initialized' });
  return { request, call, notices, send, input };
}

describe('the tools for agents', () => {
  it('do a whole job: inspect, quantize, explain, set bits, export, eval, report', async () => {
    const folder = scratch();
    const model = save(tinyCnn(), 'net.onnx', folder);
    const { call, request, notices } = await client(folder);
    const { result } = await request('tools/list');
    expect(result!.tools!.map(({ name }) => name)).toEqual([
      'inspect',
      'quantize',
      'pareto',
      'explain',
      'set_bits',
      'export',
      'eval',
      'report',
    ]);
    const { value: seen } = await call('inspect', { model: 'net.onnx' });
    expect(seen.layers).toHaveLength(4);
    const quantized = await call('quantize', { model, averageBits: 5, samples: 8, searchSeconds: 0 });
    expect(quantized.value).toMatchObject({ config: join(folder, 'net.ompq.json'), synthetic: true });
    expect(quantized.value.averageBits).toBeLessThanOrEqual(5);
    expect(notices.filter(({ method }) => method === 'notifications/progress').length).toBeGreaterThan(0);
    const fractions = notices
      .filter(({ params }) => (params.progressToken as unknown) === 'quantize')
      .map(({ params }) => params.progress);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    const explained = await call('explain', { config: 'net.ompq.json' });
    expect(explained.value.layers).toHaveLength(4);
    const possible = await call('pareto', { config: 'net.ompq.json' });
    expect((possible.value.points as unknown[]).length).toBeGreaterThan(2);
    const set = await call('set_bits', { config: 'net.ompq.json', bits: { stem: 3 } });
    const before = JSON.parse(readFileSync(join(folder, 'net.ompq.json'), 'utf8')) as {
      functions: { name: string; bits: number; lock: boolean }[];
    };
    expect(before.functions[0]).toMatchObject({ name: 'stem', bits: 3, lock: true });
    expect(set.isError).toBe(false);
    const exported = await call('export', { config: 'net.ompq.json', rounding: 'nearest' });
    expect(existsSync(exported.value.model as string)).toBe(true);
    const compared = await call('eval', { model, other: exported.value.model, limit: 4, perLayer: true });
    expect((compared.value.layers as { sqnrDb: number }[]).every(({ sqnrDb }) => sqnrDb > 0)).toBe(true);
    const report = await call('report', { config: 'net.ompq.json', model: exported.value.model });
    const page = readFileSync(report.value.report as string, 'utf8');
    expect(page).toContain('stem: 3 bits');
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    const markdown = await call('report', { config: 'net.ompq.json', out: 'net.md' });
    expect(readFileSync(markdown.value.report as string, 'utf8')).toMatch(
      /^# Quantization of net\.onnx\n[^]*\| stem \| 3 \|/,
    );
  });

  it('touch nothing outside the folders that the client grants', async () => {
    const [folder, outside] = [scratch(), scratch()];
    save(tinyCnn(), 'net.onnx', folder);
    const secret = save(tinyCnn(), 'secret.onnx', outside);
    mkdirSync(join(folder, 'inner'));
    symlinkSync(outside, join(folder, 'link'));
    const { call } = await client(folder);
    for (const given of [
      secret,
      '../secret.onnx',
      'link/secret.onnx',
      `${folder}/../${outside.split('/').pop()}/secret.onnx`,
      '/etc/passwd',
    ]) {
      const { isError, text } = await call('inspect', { model: given });
      expect({ isError, given }).toEqual({ isError: true, given });
      expect(text).toMatch(/outside the folders|does not exist under the folders/);
    }
    const written = await call('quantize', {
      model: 'net.onnx',
      averageBits: 5,
      out: join(outside, 'x.ompq.json'),
    });
    expect(written.text).toMatch(/outside the folders/);
    expect((await call('quantize', { model: 'net.onnx', averageBits: 5, data: outside })).text).toMatch(
      /outside the folders/,
    );
    expect(existsSync(join(outside, 'x.ompq.json'))).toBe(false);
  });

  it('answer hostile arguments and messages with errors, and go on', async () => {
    const folder = scratch();
    save(tinyCnn(), 'net.onnx', folder);
    const { call, request, input } = await client(folder);
    for (const given of [
      {},
      { model: 5 },
      { model: 'net.onnx', averageBits: 1e300 },
      { model: 'net.onnx', averageBits: 5, more: 1 },
      { model: 'net.onnx', averageBits: 5, mean: 'x' },
    ]) {
      expect(await call('quantize', given)).toMatchObject({
        isError: true,
        text: expect.stringMatching(/arguments of quantize do not fit/) as string,
      });
    }
    expect((await call('quantize', { model: 'net.onnx', averageBits: 4, ratio: 4 })).text).toMatch(
      /exactly one of/,
    );
    expect((await call('inspect', { model: 'net.onnx\0' })).isError).toBe(true);
    expect((await call('constructor', {})).text).toMatch(/no tool "constructor"/);
    input.write('not json\n[]\n{"jsonrpc":"1.0","id":9,"method":"ping"}\n');
    expect((await request('toString')).error?.code).toBe(-32601);
    expect((await call('inspect', { model: 'net.onnx' })).isError).toBe(false);
  });

  it('stop when the client takes a request back', async () => {
    const folder = scratch();
    save(tinyCnn(), 'net.onnx', folder);
    const { call, request, send } = await client(folder);
    let answered = false;
    const job = request('tools/call', {
      name: 'quantize',
      arguments: { model: 'net.onnx', averageBits: 4, searchSeconds: 600 },
    });
    void job.then(() => (answered = true));
    send({ method: 'notifications/cancelled', params: { requestId: job.id } });
    expect((await call('inspect', { model: 'net.onnx' })).isError).toBe(false);
    expect(answered).toBe(false);
    expect(existsSync(join(folder, 'net.ompq.json'))).toBe(false);
  });
});
