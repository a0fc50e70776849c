import { resolve } from 'node:path';
import { windowAddress } from '../address';
import { buildExtension } from '../build';
import { root } from '../paths';
import { startServer } from '../server';
import { exampleWorkspace } from '../workspace';

/** Starts a VS Code with this extension for somebody to look at in a browser, until it is interrupted. */
export async function runOpen(options: { workspace?: string }): Promise<number> {
  await buildExtension();
  const server = await startServer({ extensions: [root], log: console.log });
  const workspace = options.workspace ? resolve(options.workspace) : await exampleWorkspace();
  console.log(`${windowAddress(server.url, { workspace })}\nCtrl+C ends it.`);
  return server.died;
}
