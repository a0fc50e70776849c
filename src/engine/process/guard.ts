/** The engine's second thread: ends the process when its parent is gone, also while a native call holds the first one. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { isAlive, removeAll, watchTemporary } from '../../common/temporaryFiles';

const EVERY_MS = 1000;

interface GuardData {
  parent: number;
}

/** Starts the guard thread from the engine's own script. */
export function startGuard(script: string): void {
  const data: GuardData = { parent: process.ppid };
  const guard = new Worker(script, { workerData: data, stdout: false, stderr: false });
  guard.unref();
  watchTemporary((paths) => guard.postMessage(paths));
}

/** True in the guard thread, which it then keeps busy. */
export function isGuard(): boolean {
  if (isMainThread) return false;
  const { parent } = workerData as GuardData;
  let unfinished: string[] = [];
  parentPort!.on('message', (paths: string[]) => (unfinished = paths));
  setInterval(() => {
    if (process.ppid === parent && isAlive(parent)) return;
    removeAll(unfinished);
    process.kill(process.pid, 'SIGKILL');
  }, EVERY_MS);
  return true;
}
