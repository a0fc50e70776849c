/** Bytes of one array: in a file, where any part can be read, or compressed in a .npz, where reading goes forward only. */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { cannotRead, DataError, firstLine } from '../inputs/errors';

export interface ByteSource {
  length: number;
  /** Reading backwards starts over from the beginning. */
  forwardOnly: boolean;
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Bytes [start, start + length) of a file. Nothing stays open between reads. */
export class FileBytes implements ByteSource {
  readonly forwardOnly = false;

  constructor(
    private readonly path: string,
    private readonly start: number,
    readonly length: number,
  ) {}

  async read(offset: number, length: number): Promise<Buffer> {
    return readRange(this.path, this.start + offset, length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** @throws DataError where the file cannot be read or ends early. */
async function readRange(path: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  try {
    const file = await open(path, 'r');
    try {
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(buffer, done, length - done, position + done);
        if (bytesRead === 0) throw new DataError(`${path} ends before its data does; write it again.`);
        done += bytesRead;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw cannotRead(path, error);
  }
  return buffer;
}

/** A stream that is inflated as far as is asked for, and opened again to go back. */
export class StreamBytes implements ByteSource {
  readonly forwardOnly = true;
  private stream: Readable | null = null;
  private chunks: AsyncIterator<Buffer> | null = null;
  private rest: Buffer = Buffer.alloc(0);
  private position = 0;

  constructor(
    private readonly reopen: () => Promise<Readable>,
    readonly length: number,
    /** How to name the array in errors. */
    private readonly where: string,
  ) {}

  async read(offset: number, length: number): Promise<Buffer> {
    try {
      if (!this.stream || offset < this.position) await this.restart();
      while (this.position < offset) this.take(Math.min(offset - this.position, (await this.fill()).length));
      const out = Buffer.allocUnsafe(length);
      for (let done = 0; done < length;) {
        const chunk = await this.fill();
        const count = Math.min(length - done, chunk.length);
        chunk.copy(out, done, 0, count);
        this.take(count);
        done += count;
      }
      return out;
    } catch (error) {
      await this.close();
      if (error instanceof DataError) throw error;
      throw new DataError(`${this.where} cannot be unpacked: ${firstLine(error)}; write the file again.`);
    }
  }

  close(): Promise<void> {
    this.stream?.destroy();
    this.stream = this.chunks = null;
    return Promise.resolve();
  }

  private async restart(): Promise<void> {
    await this.close();
    this.stream = await this.reopen();
    this.chunks = this.stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.rest = Buffer.alloc(0);
    this.position = 0;
  }

  /** The bytes at hand; at least one. */
  private async fill(): Promise<Buffer> {
    while (this.rest.length === 0) {
      const next = await this.chunks!.next();
      if (next.done) throw new Error('it ends before its data does');
      this.rest = next.value;
    }
    return this.rest;
  }

  private take(count: number): void {
    this.rest = this.rest.subarray(count);
    this.position += count;
  }
}
