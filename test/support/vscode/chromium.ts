import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type BrowserServer } from 'playwright-core';
import { cached } from './cached';
import { root } from './paths';
import { runToEnd } from './processes';

const quietOffline = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--font-render-hinting=none',
];

/** Starts a headless Chromium: the one CHROMIUM_PATH names, else the one that npm carries. */
export async function launchBrowser(log: (line: string) => void): Promise<BrowserServer> {
  const { executablePath, env } = await findChromium(log);
  return chromium.launchServer({
    executablePath,
    headless: true,
    chromiumSandbox: false, // tests run as root in containers, where Chromium refuses its sandbox
    args: quietOffline,
    env: { ...(process.env as Record<string, string>), ...env },
  });
}

interface Chromium {
  executablePath: string;
  env: Record<string, string>;
}

async function findChromium(log: (line: string) => void): Promise<Chromium> {
  const given = process.env.CHROMIUM_PATH;
  if (given) {
    if (!existsSync(given)) throw new Error(`CHROMIUM_PATH names ${given}, which does not exist.`);
    return { executablePath: given, env: {} };
  }
  return npmChromium(log);
}

/** Chromium out of @sparticuz/chromium, with its font and, where the system lacks them, its libraries. */
async function npmChromium(log: (line: string) => void): Promise<Chromium> {
  const folder = await cached('chromium', async (staging) => {
    log("Unpacking the tests' Chromium, once...");
    await unpack(staging);
  });
  await writeFonts(folder);
  const executablePath = join(folder, 'chromium');
  const env = { FONTCONFIG_FILE: join(folder, 'fonts.conf') };
  if (await starts(executablePath, {})) return { executablePath, env };
  const libraries = { LD_LIBRARY_PATH: join(folder, 'al2023/lib') };
  if (await starts(executablePath, libraries)) return { executablePath, env: { ...env, ...libraries } };
  throw new Error(
    'The Chromium of @sparticuz/chromium does not start here; set CHROMIUM_PATH to an installed Chromium or Chrome.',
  );
}

/** The package unpacks into the temporary folder, and its libraries only when it believes it is in AWS Lambda. */
async function unpack(folder: string): Promise<void> {
  const script = "import c from '@sparticuz/chromium'; await c.executablePath();";
  await runToEnd(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
    timeoutMs: 120_000,
  });
}

async function starts(executablePath: string, env: Record<string, string>): Promise<boolean> {
  try {
    await runToEnd(executablePath, ['--version'], { env: { ...process.env, ...env }, timeoutMs: 60_000 });
    return true;
  } catch {
    return false;
  }
}

/** Open Sans comes with the browser, so that pictures look alike on machines with and without fonts. */
async function writeFonts(folder: string): Promise<void> {
  await mkdir(join(folder, 'font-cache'), { recursive: true });
  const prefer = (family: string, font: string) =>
    `<alias binding="strong"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`;
  await writeFile(
    join(folder, 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/font-cache</cachedir>
  ${prefer('system-ui', 'Open Sans')}
  ${prefer('sans-serif', 'Open Sans')}
  ${prefer('monospace', 'DejaVu Sans Mono')}
</fontconfig>
`,
  );
}
