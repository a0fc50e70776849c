/** JSON-RPC 2.0 over lines of text, both ways, as the Model Context Protocol's stdio transport has it. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isObject } from '../../common/isObject';

export interface Call {
  params: Record<string, unknown>;
  /** Aborted when the caller takes the request back. */
  signal: AbortSignal;
}

export type Method = (call: Call) => Promise<unknown>;

/** An answer of the protocol, not of a tool. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export const INVALID_PARAMS = -32602;
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INTERNAL_ERROR = -32603;
/** No request of ours is nearly so long. */
const MAX_LINE = 8 * 1024 * 1024;

type Id = string | number;

interface Message {
  jsonrpc?: unknown;
  id?: unknown;
  method?: unknown;
  params?: unknown;
  result?: unknown;
  error?: unknown;
}

export class Rpc {
  private readonly running = new Map<Id, AbortController>();
  private readonly asked = new Map<
    Id,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  private lastId = 0;

  constructor(
    private readonly output: Writable,
    private readonly methods: Readonly<Record<string, Method>>,
    private readonly notified: Readonly<Record<string, (params: Record<string, unknown>) => void>> = {},
  ) {}

  /** Answers what comes in, until the other side closes; what still runs is then taken back. */
  async serve(input: Readable): Promise<void> {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      if (line.trim() !== '') this.take(line);
    }
    for (const abort of this.running.values()) abort.abort();
  }

  notify(method: string, params: object): void {
    this.send({ method, params });
  }

  /** Asks the other side. @throws where it answers with an error */
  request(method: string, params: object = {}): Promise<unknown> {
    const id = `ompq-${++this.lastId}`;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.send({ id, method, params });
    });
  }

  private take(line: string): void {
    let message: Message | null;
    try {
      message = line.length > MAX_LINE ? null : (JSON.parse(line) as Message | null);
    } catch {
      return this.fail(null, PARSE_ERROR, 'This line is not JSON.');
    }
    if (
      typeof message !== 'object' ||
      message === null ||
      Array.isArray(message) ||
      message.jsonrpc !== '2.0'
    ) {
      return this.fail(null, INVALID_REQUEST, 'This is not a JSON-RPC 2.0 message.');
    }
    const { id, method } = message;
    const params = isObject(message.params) ? message.params : {};
    const isId = typeof id === 'string' || typeof id === 'number';
    if (typeof method !== 'string') {
      if (isId) this.answered(id, message);
    } else if (!isId) {
      this.heard(method, params);
    } else if (this.running.has(id)) {
      this.fail(id, INVALID_REQUEST, 'A request with this id is still running.');
    } else {
      void this.call(id, method, params);
    }
  }

  private async call(id: Id, name: string, params: Record<string, unknown>): Promise<void> {
    const method = Object.hasOwn(this.methods, name) ? this.methods[name] : undefined;
    if (!method) return this.fail(id, METHOD_NOT_FOUND, `There is no method "${name}".`);
    const abort = new AbortController();
    this.running.set(id, abort);
    try {
      const result = await method({ params, signal: abort.signal });
      // Who has taken a request back expects no answer.
      if (!abort.signal.aborted) this.send({ id, result });
    } catch (error) {
      if (abort.signal.aborted) return;
      const code = error instanceof RpcError ? error.code : INTERNAL_ERROR;
      this.fail(id, code, error instanceof Error ? error.message : String(error));
    } finally {
      this.running.delete(id);
    }
  }

  private heard(method: string, params: Record<string, unknown>): void {
    if (method === 'notifications/cancelled') this.running.get(params.requestId as Id)?.abort();
    else if (Object.hasOwn(this.notified, method)) this.notified[method](params);
  }

  private answered(id: Id, { result, error }: Message): void {
    const waiting = this.asked.get(id);
    this.asked.delete(id);
    if (isObject(error)) waiting?.reject(new Error(String(error.message)));
    else waiting?.resolve(result);
  }

  private fail(id: Id | null, code: number, message: string): void {
    this.send({ id, error: { code, message } });
  }

  private send(message: object): void {
    this.output.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }
}
