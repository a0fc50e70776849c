/** Where OMPQ runs: the platforms that both ONNX Runtime and sharp ship native files for. */
import { familySync, MUSL } from 'detect-libc';

export interface Platform {
  os: string;
  arch: string;
  /** On Linux: the C library is musl, as on Alpine. */
  musl?: boolean;
}

const NAMES: Record<string, string> = { darwin: 'macOS', linux: 'Linux', win32: 'Windows' };
const SUPPORTED = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

export function thisPlatform(): Platform {
  const { platform, arch } = process;
  return { os: platform, arch, musl: platform === 'linux' && familySync() === MUSL };
}

/** One sentence for the user where OMPQ cannot run, null where it can. */
export function unsupported({ os, arch, musl }: Platform): string | null {
  if (SUPPORTED.includes(`${os}-${arch}`) && !musl) return null;
  const here = `${musl ? 'Alpine Linux and other systems with musl' : (NAMES[os] ?? os)} (${arch})`;
  return (
    `OMPQ is not supported on ${here}, for which ONNX Runtime has no native files; ` +
    'it runs on Linux with glibc (x64, arm64), macOS (arm64) and Windows (x64, arm64).'
  );
}
