/** What the graphics device is called, for people. ONNX Runtime does not tell, so the system is asked. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Part of the name of a device that the CPU plays. */
export const SOFTWARE = '(software)';

/** Drivers by the library that the process has loaded once a device is open. */
const DRIVERS: [RegExp, string][] = [
  [/libvk_swiftshader/, `SwiftShader ${SOFTWARE}`],
  [/libvulkan_lvp/, `lavapipe ${SOFTWARE}`],
  [/libvulkan_radeon|amdvlk/, 'AMD Radeon'],
  [/libvulkan_intel/, 'Intel'],
  [/libvulkan_nouveau|libGLX_nvidia|libnvidia-glcore/, 'NVIDIA'],
];

/** Call in the process that has a session on the device; null where nothing is to be found out. */
export async function adapterName(): Promise<string | null> {
  try {
    switch (process.platform) {
      case 'linux':
        return linuxAdapter();
      case 'win32':
        return await firstLineOf('powershell', [
          '-NoProfile',
          '-Command',
          '(Get-CimInstance Win32_VideoController | Sort-Object AdapterRAM -Descending | Select-Object -First 1).Name',
        ]);
      case 'darwin':
        return await firstLineOf('/usr/sbin/sysctl', ['-n', 'machdep.cpu.brand_string']);
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function linuxAdapter(): string | null {
  const loaded = readFileSync('/proc/self/maps', 'utf8');
  const driver = DRIVERS.find(([library]) => library.test(loaded))?.[1] ?? null;
  return driver === 'NVIDIA' ? (nvidiaModel() ?? driver) : driver;
}

function nvidiaModel(): string | null {
  const folder = '/proc/driver/nvidia/gpus';
  if (!existsSync(folder)) return null;
  for (const gpu of readdirSync(folder)) {
    const model = /^Model:\s*(.+)$/m.exec(readFileSync(join(folder, gpu, 'information'), 'utf8'));
    if (model) return model[1].trim();
  }
  return null;
}

async function firstLineOf(file: string, args: string[]): Promise<string | null> {
  const { stdout } = await promisify(execFile)(file, args, { timeout: 10_000, windowsHide: true });
  return stdout.trim().split('\n', 1)[0].trim() || null;
}

/** Of the graphics driver, for people; null where nothing is to be found out. */
export async function driverVersion(): Promise<string | null> {
  try {
    switch (process.platform) {
      case 'linux':
        return existsSync('/proc/driver/nvidia/version')
          ? readFileSync('/proc/driver/nvidia/version', 'utf8').split('\n', 1)[0].trim()
          : null;
      case 'win32':
        return await firstLineOf('powershell', [
          '-NoProfile',
          '-Command',
          'Get-CimInstance Win32_VideoController | ForEach-Object { $_.Name + " " + $_.DriverVersion }',
        ]);
      default:
        return null;
    }
  } catch {
    return null;
  }
}
