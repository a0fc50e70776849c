/** What every step of scoring needs at hand: the model, its functions, the samples, a way to open sessions. */
import { basename } from 'node:path';
import { serialize } from '../../../onnx/graph/subgraph';
import type { Network } from '../../../onnx/network/network';
import { weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { Job } from '../job/job';
import { collectGarbage } from '../ort/memory';
import type { Samples } from '../ort/samples';
import { type Clock, type ExecutionProvider, type Feeds, Session } from '../ort/session';
import { type HeadRequest, ROWS_INPUT, withHeads } from './gramHeads';

export class ScoringContext {
  /** Milliseconds spent in creating sessions. */
  loading = 0;
  /** Of the sessions' runs. */
  readonly clock: Clock = { running: 0, moving: 0 };
  /** There is memory for sessions that keep what they have freed. */
  roomy = false;

  constructor(
    readonly path: string,
    readonly network: Network,
    readonly samples: Samples,
    public provider: ExecutionProvider,
    readonly job: Job,
  ) {}

  /** File name, for messages. */
  get name(): string {
    return basename(this.path);
  }

  get functionNames(): string[] {
    return this.network.functions.map(({ name }) => name);
  }

  /** A session over a graph of ours or a changed copy of the model. */
  async open(model: ModelProto, provider = this.provider): Promise<Session> {
    await this.job.checkpoint();
    const start = performance.now();
    const session = await Session.open(serialize(model), {
      provider,
      folder: weightsFolder(this.path),
      model: this.path,
      arena: this.roomy,
      clock: this.clock,
    });
    collectGarbage();
    this.loading += performance.now() - start;
    return session;
  }

  openHeads(model: ModelProto, heads: readonly HeadRequest[], provider = this.provider): Promise<Session> {
    return this.open(withHeads(model, heads), provider);
  }

  /** Runs a session with heads on these samples. */
  async run(session: Session, indices: readonly number[]): ReturnType<Session['run']> {
    await this.job.checkpoint();
    const start = performance.now();
    const feeds = await this.samples.take(indices);
    this.clock.moving += performance.now() - start;
    return session.run({ ...feeds, ...rowsFeed(indices.length) });
  }
}

/** Tells the heads how many rows there are. */
export function rowsFeed(rows: number): Feeds {
  return { [ROWS_INPUT]: { type: 'int64', data: BigInt64Array.of(BigInt(rows), -1n), dims: [2] } };
}
