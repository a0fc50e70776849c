/** Waiting for what other processes do, however busy the machine. */

/** Only a hang meets it. */
const LIMIT_MS = 600_000;

/** Resolves to false where the condition did not come true. */
export async function until(condition: () => boolean): Promise<boolean> {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return condition();
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
