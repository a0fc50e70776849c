/** Builds the bundles once for all engine tests, so that they never meet a stale one. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export default async function setup(): Promise<void> {
  await promisify(execFile)(process.execPath, ['esbuild.mjs']);
}
