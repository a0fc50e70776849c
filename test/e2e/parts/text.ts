import { errors } from 'playwright-core';

/** A pattern for text that is `text` and nothing more; a pattern is taken as it is. */
export function exactly(text: string | RegExp): RegExp {
  return text instanceof RegExp
    ? text
    : new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`);
}

/** How long a person waits before trying again. */
const TRY_AGAIN_MS = 8_000;
const GIVE_UP_MS = 120_000;

/** Whether `work` succeeds in the time that one attempt is given; only running out of it counts as failing. */
export async function shortly(work: (timeout: number) => Promise<unknown>): Promise<boolean> {
  try {
    await work(TRY_AGAIN_MS);
    return true;
  } catch (error) {
    if (error instanceof errors.TimeoutError) return false;
    throw error;
  }
}

/** Repeats an attempt until it says that it has succeeded. @throws naming `what` did not come about */
export async function until(what: string, attempt: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + GIVE_UP_MS;
  while (!(await attempt())) {
    if (Date.now() > deadline)
      throw new Error(`It did not come about within ${GIVE_UP_MS / 1000} s: ${what}.`);
  }
}
