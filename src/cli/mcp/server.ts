/** The Model Context Protocol over standard input and output: tools only. */
import type { Readable, Writable } from 'node:stream';
import { isObject } from '../../common/isObject';
import { version } from '../../../package.json';
import { callTool } from '../../agents/callTool';
import { Roots } from '../../agents/roots';
import { TOOLS } from '../../agents/schemas';
import type { Cache } from '../../cache/cache';
import type { Engine } from '../../engine/client';
import type { Progress } from '../../engine/protocol';
import { type Call, INVALID_PARAMS, Rpc, RpcError } from './rpc';

/** Newest first; all that we use of them is the same. */
const VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
const INSTRUCTIONS =
  'Quantizes ONNX models with a bit-width for every layer. Order of a job: inspect, quantize (with a budget or a quality), explain and set_bits where needed, export, eval, report. Real inputs in data matter: made-up ones say little.';
/** Milliseconds between notices of progress. */
const PROGRESS_EVERY = 250;

export interface ServerOptions {
  engine: Engine;
  cache: Cache | undefined;
  /** Folders granted on the command line; a client that lists roots decides itself. */
  folders: string[];
}

/** Serves until the client closes the input. */
export async function serveTools(
  input: Readable,
  output: Writable,
  { engine, cache, folders }: ServerOptions,
): Promise<void> {
  const roots = new Roots();
  await roots.grant(folders);
  let asksRoots = false;
  // The engine does one job after the other; the first may have to wait for the client's roots.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  };
  const listRoots = (): void => {
    if (!asksRoots || folders.length > 0) return;
    void inTurn(async () => {
      const reply = await rpc.request('roots/list').catch(() => null);
      const listed = isObject(reply) && Array.isArray(reply.roots) ? reply.roots : [];
      await roots.grant(
        listed.flatMap((root: unknown) => (isObject(root) && typeof root.uri === 'string' ? [root.uri] : [])),
      );
    });
  };

  const call = async ({ params, signal }: Call): Promise<object> => {
    const { name, arguments: given = {}, _meta } = params;
    if (!TOOLS.some((tool) => tool.name === name)) {
      throw new RpcError(INVALID_PARAMS, `There is no tool "${String(name)}".`);
    }
    const token = isObject(_meta) ? (_meta.progressToken as string | number | undefined) : undefined;
    const onProgress = token === undefined ? undefined : throttled((progress) => tell(rpc, token, progress));
    return inTurn(async () => {
      signal.throwIfAborted();
      try {
        const context = { engine, roots, options: { signal, onProgress, cache } };
        const result = await callTool(name as string, given, context);
        return { content: [{ type: 'text', text: JSON.stringify(result) }], structuredContent: result };
      } catch (error) {
        return failed(error instanceof Error ? error.message : String(error));
      }
    });
  };

  const rpc: Rpc = new Rpc(
    output,
    {
      initialize: ({ params }) => {
        const asked = params.protocolVersion as string;
        asksRoots = isObject(params.capabilities) && isObject(params.capabilities.roots);
        return Promise.resolve({
          protocolVersion: VERSIONS.includes(asked) ? asked : VERSIONS[0],
          capabilities: { tools: {} },
          serverInfo: { name: 'ompq', version },
          instructions: INSTRUCTIONS,
        });
      },
      ping: () => Promise.resolve({}),
      'tools/list': () => Promise.resolve({ tools: TOOLS }),
      'tools/call': call,
    },
    { 'notifications/initialized': listRoots, 'notifications/roots/list_changed': listRoots },
  );
  await rpc.serve(input);
  await last;
}

/** An error that the agent is to read and act upon. */
const failed = (text: string): object => ({ content: [{ type: 'text', text }], isError: true });

function tell(rpc: Rpc, progressToken: string | number, { stage, fraction }: Progress): void {
  rpc.notify('notifications/progress', { progressToken, progress: fraction, total: 1, message: stage });
}

/** A few times a second at most, and never backwards, as the protocol asks. */
function throttled(send: (progress: Progress) => void): (progress: Progress) => void {
  let [at, reached] = [0, -1];
  return (progress) => {
    if (progress.fraction <= reached || Date.now() - at < PROGRESS_EVERY) return;
    [at, reached] = [Date.now(), progress.fraction];
    send(progress);
  };
}
