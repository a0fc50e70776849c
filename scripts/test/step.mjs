import { spawn } from 'node:child_process';

/** Only a hang meets it: on an idle machine no step takes a tenth of it. */
const limitMinutes = 120;
const windows = process.platform === 'win32';

/** Runs one npm script under a heading; a step that exceeds its time is killed with all its children. */
export async function runStep({ title, args }, cwd) {
  console.log(`\n== ${title}`);
  const start = Date.now();
  const child = spawn('npm', args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: windows, // npm is a .cmd file there
    detached: !windows, // a process group of its own can be killed as a whole
  });
  const kill = () => (windows ? child.kill() : process.kill(-child.pid, 'SIGTERM'));
  const interrupted = () => {
    kill();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const timer = setTimeout(() => {
    console.error(`${title} did not end within ${limitMinutes} minutes and was stopped.`);
    kill();
  }, limitMinutes * 60_000);
  const code = await new Promise((resolve) => {
    child.once('error', () => resolve(1));
    child.once('close', resolve);
  });
  clearTimeout(timer);
  process.off('SIGINT', interrupted);
  process.off('SIGTERM', interrupted);
  return { ok: code === 0, seconds: (Date.now() - start) / 1000 };
}
