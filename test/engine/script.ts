import { resolve } from 'node:path';

/** The engine bundle that these tests run. */
export const SCRIPT = resolve('dist/engine.js');
