/** What this machine has for the engine, and what it would take to have the rest. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { freemem, release, totalmem, version } from 'node:os';
import { dirname, join } from 'node:path';
import { listed } from '../../../common/words';
import type { DoctorReply } from '../../protocol';
import type { Job } from '../job/job';
import { freeMemory } from '../ort/memory';
import { deviceLabel, type ExecutionProvider, onnxRuntime, PROVIDER_NAMES } from '../ort/session';
import { driverVersion, SOFTWARE } from './deviceName';
import { probe } from './probe';
import { processor } from './processor';
import { candidates, MISSING, short } from './providers';

const CUDA_FILES =
  process.platform === 'win32'
    ? ['onnxruntime_providers_cuda.dll', 'onnxruntime_providers_shared.dll']
    : ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];
const CUDA_LIBRARIES =
  process.platform === 'win32'
    ? ['cudart64_12.dll', 'cublas64_12.dll', 'cublasLt64_12.dll', 'cufft64_11.dll', 'cudnn64_9.dll']
    : ['libcudart.so.12', 'libcublas.so.12', 'libcublasLt.so.12', 'libcufft.so.11', 'libcudnn.so.9'];

export async function doctor(job: Job): Promise<DoctorReply> {
  const ort = await onnxRuntime();
  const versions: Record<string, string> = {
    Node: process.versions.node,
    'ONNX Runtime': ort.env.versions.node ?? ort.env.versions.common,
    sharp: await sharpVersion(),
  };
  const providers: DoctorReply['providers'] = [
    { provider: 'cpu', works: true, device: deviceLabel('cpu'), note: null, fix: null },
  ];
  const order = candidates();
  for (const [i, provider] of order.entries()) {
    await job.checkpoint();
    job.progress(`Trying ${PROVIDER_NAMES[provider]}`, i / order.length);
    const probed = await probe(provider);
    if (!probed.works) {
      const fix = fixFor(provider, versions['ONNX Runtime']);
      providers.push({ provider, works: false, device: null, note: short(probed.reason), fix });
      continue;
    }
    const software = probed.device.includes(SOFTWARE);
    providers.push({
      provider,
      works: true,
      device: probed.device,
      note: software ? '"auto" does not use it: the CPU would do its work, only slower' : null,
      fix: software ? fixFor(provider, versions['ONNX Runtime']) : null,
    });
  }
  const { name, products } = await processor();
  return {
    providers,
    versions,
    system: `${systemName()} (${process.platform} ${release()}, ${process.arch})`,
    processor: name,
    integerProducts: products,
    driver: await driverVersion(),
    memory: { total: totalmem(), free: Math.min(freeMemory(), freemem() || Infinity) },
  };
}

/** Linux tells its kernel's build where others tell their name. */
function systemName(): string {
  const found = /^PRETTY_NAME="?(.*?)"?$/m.exec(readIfThere('/etc/os-release'));
  return found?.[1] ?? version();
}

async function sharpVersion(): Promise<string> {
  try {
    return (await import('sharp')).default.versions.sharp ?? 'unknown';
  } catch (error) {
    return `cannot be loaded (${short((error as Error).message.split('\n', 1)[0])})`;
  }
}

/** What to do, as concretely as this machine allows. */
function fixFor(provider: ExecutionProvider, ortVersion: string): string {
  if (provider === 'cuda') return cudaFix(ortVersion);
  if (provider === 'webgpu' && process.platform === 'linux') return vulkanFix();
  return `${PROVIDER_NAMES[provider]}: ${MISSING[provider]}.`;
}

function cudaFix(ortVersion: string): string {
  if (process.platform !== 'linux' && process.platform !== 'win32')
    return 'CUDA exists on Linux and Windows only.';
  const folder = binaryFolder();
  const files = CUDA_FILES.filter((name) => !existsSync(join(folder, name)));
  const libraries = CUDA_LIBRARIES.filter((name) => !isLibrary(name));
  const system = process.platform === 'win32' ? 'win' : 'linux';
  const steps = [
    ...(files.length > 0
      ? [
          `put ${listed(files)} (folder lib of onnxruntime-${system}-x64-gpu-${ortVersion} from ONNX Runtime's releases: the very same version) into ${folder}`,
        ]
      : []),
    ...(libraries.length > 0
      ? [
          `install CUDA 12 and cuDNN 9, so that ${libraries.join(', ')} are found (${process.platform === 'win32' ? 'PATH' : 'LD_LIBRARY_PATH or ldconfig'})`,
        ]
      : []),
  ];
  if (steps.length === 0) return 'All files are there: see whether the driver works (nvidia-smi).';
  const numbered = steps.length > 1 ? steps.map((step, i) => `(${i + 1}) ${step}`) : steps;
  return `To use CUDA on an NVIDIA card:\n${numbered.join(';\n')};\nthen start OMPQ (or VS Code) anew.`;
}

function vulkanFix(): string {
  const loader = isLibrary('libvulkan.so.1');
  const drivers = vulkanDrivers();
  if (!loader) {
    return (
      'Install the Vulkan loader, libvulkan.so.1: "apt install libvulkan1" (Debian, Ubuntu), ' +
      '"dnf install vulkan-loader" (Fedora), "pacman -S vulkan-icd-loader" (Arch);\n' +
      'and the Vulkan driver of the card: mesa-vulkan-drivers for AMD and Intel, for NVIDIA its own driver.'
    );
  }
  const found = drivers.length > 0 ? `the drivers there are (${drivers.join(', ')})` : 'no driver';
  return (
    `The Vulkan loader is there, but ${found} gave a graphics card. Install the Vulkan driver of the card ` +
    '(mesa-vulkan-drivers for AMD and Intel, for NVIDIA its own driver); in a container, hand the card in ' +
    '(--device /dev/dri, or --gpus all with NVIDIA_DRIVER_CAPABILITIES=all).'
  );
}

function vulkanDrivers(): string[] {
  const folders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d'];
  return folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
}

/** Where the libraries of ONNX Runtime lie. */
function binaryFolder(): string {
  const main = require.resolve('onnxruntime-node');
  const bin = join(dirname(main), '..', 'bin');
  const napi = existsSync(bin) ? readdirSync(bin).find((name) => name.startsWith('napi')) : undefined;
  return join(bin, napi ?? 'napi-v6', process.platform, process.arch);
}

let known: string | undefined;

/** Would the system's loader find it? */
function isLibrary(name: string): boolean {
  const path = process.platform === 'win32' ? process.env.PATH : process.env.LD_LIBRARY_PATH;
  const folders = (path ?? '').split(process.platform === 'win32' ? ';' : ':').filter(Boolean);
  if (folders.some((folder) => existsSync(join(folder, name)))) return true;
  if (process.platform !== 'linux') return false;
  known ??= loaderCache();
  return known.includes(`${name} `);
}

function loaderCache(): string {
  for (const file of ['/sbin/ldconfig', '/usr/sbin/ldconfig']) {
    try {
      if (existsSync(file)) return execFileSync(file, ['-p'], { encoding: 'utf8', timeout: 5000 });
    } catch {
      // Not on every system; the folders above are what is left.
    }
  }
  return readIfThere('/etc/ld.so.cache');
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
