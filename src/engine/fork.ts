/** The engine as a process. */
import { type ChildProcess, fork } from 'node:child_process';

export interface EngineProcess {
  /** Absolute path of the bundled engine (dist/engine.js). */
  script: string;
  /** Node, or an Electron that runs as Node. Default: this process's own. */
  execPath?: string;
  /** Added to this process's environment. */
  env?: NodeJS.ProcessEnv;
}

/**
 * glibc: only large tensors are mapped one by one, and go back to the system when they are freed. The others take their
 * place from what was freed before: fresh pages for each were a third of an export's processor time. Above 8 MB the gaps
 * that stay would break the memory limit.
 */
export const MALLOC = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 23),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 25),
};
/** ONNX Runtime runs models of the newest operator set only where it is told to. */
const RUNTIME = { ALLOW_RELEASED_ONNX_OPSET_ONLY: '0' };

export function forkEngine({ script, execPath, env }: EngineProcess): ChildProcess {
  return fork(script, [], {
    execPath: execPath ?? process.execPath,
    // The caller's own flags (--inspect and the like) are not for the engine.
    execArgv: [],
    env: { ...MALLOC, ...RUNTIME, ...process.env, ...env, ELECTRON_RUN_AS_NODE: '1' },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}
