/** Execution providers: which to try, what is missing where one does not start. */
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import { deviceLabel, type ExecutionProvider, PROVIDER_NAMES } from '../ort/session';
import { SOFTWARE } from './deviceName';
import { probe, type Probed } from './probe';

/** Below this the CPU is done before a graphics device has compiled its kernels. */
export const WORTH_IT_MS = 4000;

/** Results of the two devices may differ by this, relative to the largest: float16 graphs round differently. */
export const SAME_RESULT = 1e-2;

/** Providers to try, the likely fastest first. */
export function candidates(): ExecutionProvider[] {
  switch (process.platform) {
    case 'win32':
      return ['cuda', 'webgpu', 'dml'];
    case 'darwin':
      return ['webgpu', 'coreml'];
    default:
      return ['cuda', 'webgpu'];
  }
}

/** What is missing where a provider does not start. */
export const MISSING: Record<ExecutionProvider, string> = {
  cpu: '',
  webgpu:
    process.platform === 'linux'
      ? 'it needs a Vulkan driver of the graphics card and the Vulkan loader (libvulkan.so.1, package libvulkan1 or vulkan-loader)'
      : 'it needs a graphics card with a current driver',
  cuda: 'it needs libonnxruntime_providers_cuda and libonnxruntime_providers_shared of the same ONNX Runtime version beside its binary in node_modules/onnxruntime-node/bin, and CUDA 12 with cuDNN 9',
  dml:
    process.platform === 'win32' ? 'it needs a graphics card with DirectX 12' : 'it exists on Windows only',
  coreml: process.platform === 'darwin' ? 'it needs macOS 13 or newer' : 'it exists on macOS only',
};

/** Why 'auto' does not even try a device; null where it does. */
function unusable(probed: Probed): string | null {
  if (!probed.works) return short(probed.reason);
  return probed.device.includes(SOFTWARE) ? 'the CPU would do its work, only slower' : null;
}

export interface Device {
  provider: ExecutionProvider;
  /** For people. */
  device: string;
}

/** Devices of this machine that 'auto' may try, the likely fastest first; the log says why others are left out. */
export async function* devicesToTry(
  job: Pick<Job, 'log'>,
  ask: typeof probe = probe,
): AsyncGenerator<Device> {
  for (const provider of candidates()) {
    const probed = await ask(provider);
    const reason = unusable(probed);
    if (probed.works && reason === null) yield { provider, device: probed.device };
    else
      job.log('info', `${probed.works ? probed.device : PROVIDER_NAMES[provider]} is not used: ${reason}.`);
  }
}

/** The device of a provider that the user insists on. @throws EngineFault that says what is missing. */
export async function insist(provider: ExecutionProvider): Promise<string> {
  if (provider === 'cpu') return deviceLabel('cpu');
  const probed = await probe(provider);
  if (probed.works) return probed.device;
  throw new EngineFault(
    `${PROVIDER_NAMES[provider]} cannot be used here: ${MISSING[provider]} (${short(probed.reason)}). Use provider "auto" or "cpu" instead.`,
  );
}

export const short = (reason: string): string => reason.replace(/\.$/, '').slice(0, 200);
