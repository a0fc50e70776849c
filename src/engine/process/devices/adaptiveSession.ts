/**
 * Sessions that run where it is fastest: on the CPU first, then on a device that was checked against it and timed, and on
 * the CPU again where the device fails.
 */
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { listed } from '../../../common/words';
import type { Provider } from '../../protocol';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { deviceLabel, type ExecutionProvider, type Feeds, Session } from '../ort/session';
import { probe } from './probe';
import { type Device, devicesToTry, insist, SAME_RESULT, short, WORTH_IT_MS } from './providers';

export interface SessionGraph {
  /** The model, serialized; asked for once per device. */
  bytes: () => Uint8Array;
  folder: string;
  /** Path, for messages. */
  model: string;
  /** As of a session. */
  sleeps?: boolean;
}

export class Devices {
  /** Words for the user. */
  readonly warnings: string[] = [];
  private readonly used = new Set<string>();
  private failed = false;

  private constructor(
    /** null: 'auto'. */
    readonly forced: Device | null,
    readonly job: Job,
    private readonly ask: typeof probe,
  ) {}

  /** @throws EngineFault where the user insists on a provider that does not start */
  static async open(provider: Provider, job: Job, ask: typeof probe = probe): Promise<Devices> {
    const forced = provider === 'auto' ? null : { provider, device: await insist(provider) };
    if (forced && provider !== 'cpu') await job.onDevice(forced.device);
    return new Devices(forced, job, ask);
  }

  session(graph: SessionGraph): AdaptiveSession {
    return new AdaptiveSession(this, graph);
  }

  /** What has done the work so far, for people. */
  get label(): string {
    return this.used.size > 0 ? listed([...this.used]) : (this.forced?.device ?? deviceLabel('cpu'));
  }

  /** Devices of this machine that may be tried. */
  async *toTry(): AsyncGenerator<Device> {
    if (!this.failed) yield* devicesToTry(this.job, this.ask);
  }

  ranOn(device: string): void {
    this.used.add(device);
  }

  /** It is not tried again in this job. */
  gaveUp(device: string, reason: string): void {
    this.failed = true;
    this.warn(`${device} failed and the CPU did the rest: ${short(reason)}.`);
  }

  warn(text: string): void {
    if (this.warnings.includes(text)) return;
    this.warnings.push(text);
    this.job.log('warn', text);
  }
}

export class AdaptiveSession {
  private current: Session | null = null;
  private on: Device | null = null;
  private decided = false;

  constructor(
    private readonly devices: Devices,
    private readonly graph: SessionGraph,
  ) {}

  /** @param left runs like this one, this one included; 0: too small a run to judge by */
  async runTensors(feeds: Feeds, left: number): Promise<Feeds> {
    const { forced } = this.devices;
    if (forced) return this.runForced(feeds, forced, left);
    if (this.on) return this.runOnDevice(feeds, this.on);
    this.current ??= await this.open('cpu');
    const start = performance.now();
    const outputs = await this.current.runTensors(feeds);
    const milliseconds = performance.now() - start;
    this.devices.ranOn(deviceLabel('cpu'));
    if (left > 0 && !this.decided) {
      this.decided = true;
      if (milliseconds * (left - 1) > WORTH_IT_MS) await this.move(feeds, outputs, milliseconds);
    }
    return outputs;
  }

  async close(): Promise<void> {
    await this.current?.close();
    this.current = null;
  }

  private open(provider: ExecutionProvider): Promise<Session> {
    const { bytes, folder, model, sleeps } = this.graph;
    return Session.open(bytes(), { provider, folder, model, sleeps });
  }

  private async runForced(feeds: Feeds, { provider, device }: Device, left: number): Promise<Feeds> {
    this.current ??= await this.open(provider);
    const outputs = await this.current.runTensors(feeds);
    this.devices.ranOn(device);
    if (left === 0 || this.decided || provider === 'cpu') return outputs;
    this.decided = true;
    const cpu = await this.open('cpu');
    try {
      const difference = largestDifference(await cpu.runTensors(feeds), outputs);
      if (difference > SAME_RESULT) {
        this.devices.warn(
          `The results on ${device} differ from the CPU's by ${percent(difference)}; do not rely on them.`,
        );
      }
    } finally {
      await cpu.close();
    }
    return outputs;
  }

  private async runOnDevice(feeds: Feeds, { device }: { device: string }): Promise<Feeds> {
    try {
      return await this.current!.runTensors(feeds);
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error;
      this.devices.gaveUp(device, error.message);
      this.on = null;
      await this.close().catch(() => undefined);
      await this.devices.job.onDevice(null);
      this.current = await this.open('cpu');
      this.devices.ranOn(deviceLabel('cpu'));
      return this.current.runTensors(feeds);
    }
  }

  /** To the first device that computes the same, and sooner. */
  private async move(feeds: Feeds, expected: Feeds, cpuMilliseconds: number): Promise<void> {
    for await (const candidate of this.devices.toTry()) {
      await this.devices.job.checkpoint();
      let session: Session | null = null;
      try {
        await this.devices.job.onDevice(candidate.device);
        session = await this.open(candidate.provider);
        const difference = largestDifference(expected, await session.runTensors(feeds));
        if (difference > SAME_RESULT) {
          this.devices.warn(
            `${candidate.device} was not used: its results differ from the CPU's by ${percent(difference)}.`,
          );
          continue;
        }
        // The first run compiles the kernels.
        const start = performance.now();
        await session.runTensors(feeds);
        const milliseconds = performance.now() - start;
        const times = `${milliseconds.toFixed(0)} ms a run, the CPU ${cpuMilliseconds.toFixed(0)} ms`;
        if (milliseconds >= cpuMilliseconds) {
          this.devices.warn(`${candidate.device} was not used: it is slower (${times}).`);
          continue;
        }
        this.devices.job.log('info', `${candidate.device}: ${times}.`);
        await this.close();
        [this.current, session] = [session, null];
        this.on = candidate;
        this.devices.ranOn(candidate.device);
        return;
      } catch (error) {
        if (!(error instanceof EngineFault)) throw error;
        this.devices.warn(`${candidate.device} was not used: ${short(error.message)}.`);
      } finally {
        await session?.close();
        if (!this.on) await this.devices.job.onDevice(null);
      }
    }
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Over the float outputs, relative to each one's largest value. */
function largestDifference(expected: Feeds, got: Feeds): number {
  let worst = 0;
  for (const [name, tensor] of Object.entries(expected)) {
    if (!isFloat(tensor.type)) continue;
    const a = numbers(tensor);
    const b = numbers(got[name]);
    let scale = 0;
    let difference = 0;
    for (let i = 0; i < a.length; i++) {
      // Where the CPU has no number either, there is nothing to compare.
      if (!Number.isFinite(a[i])) continue;
      scale = Math.max(scale, Math.abs(a[i]));
      const apart = Math.abs(a[i] - b[i]);
      difference = Math.max(difference, Number.isFinite(apart) ? apart : Infinity);
    }
    worst = Math.max(worst, difference / (scale || 1));
  }
  return worst;
}
