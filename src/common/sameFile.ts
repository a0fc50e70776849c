import { realpath } from 'node:fs/promises';

/** Whether both paths lead to one file that exists, by whatever links and spellings. */
export async function sameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => realpath(path).catch(() => null)));
  return first !== null && first === second;
}
