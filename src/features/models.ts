/** What a model's file tells, kept while the file stays the same. */
import * as vscode from 'vscode';
import { stat } from 'node:fs/promises';
import type { DataSpec } from '../calibration/inputs/spec';
import type { Engine } from '../engine/client';
import type { InspectReply, PreviewReply, PreviewRequest, StatisticsReply } from '../engine/protocol';
import type { Listing } from '../onnx/listing/listing';
import type { Granularity } from '../onnx/network/network';

export class Models {
  private readonly known = new Map<string, { version: string; reply: Promise<InspectReply> }>();

  constructor(private readonly engine: Engine) {}

  /**
   * @param path absolute
   * @param data sizes that the model leaves open are those of its samples
   * @throws with one sentence when the model cannot be read
   */
  async inspect(
    path: string,
    granularity: Granularity = 'layer',
    { shapes, branches }: Pick<DataSpec, 'shapes' | 'branches'> = { shapes: {} },
    data?: DataSpec,
  ): Promise<InspectReply> {
    const { mtimeMs, size } = await stat(path).catch(() => {
      throw new Error(vscode.l10n.t('{0} does not exist any more.', path));
    });
    const key = JSON.stringify([path, granularity, shapes, branches, data]);
    const version = `${mtimeMs}:${size}`;
    const known = this.known.get(key);
    if (known?.version === version) return known.reply;
    const reply = this.engine.request(
      { kind: 'inspect', model: path, granularity, shapes, branches, data },
      {},
    );
    this.known.set(key, { version, reply });
    reply.catch(() => this.known.delete(key));
    return reply;
  }

  /** @throws with one sentence when the model cannot be read */
  preview(request: Omit<PreviewRequest, 'kind'>): Promise<PreviewReply> {
    return this.engine.request({ kind: 'preview', ...request });
  }

  listing(path: string): Promise<Listing> {
    return this.engine.request({ kind: 'listing', model: path });
  }

  /** @param tensor one that is stored in the file */
  statistics(path: string, tensor: string): Promise<StatisticsReply> {
    return this.engine.request({ kind: 'statistics', model: path, tensor });
  }
}
