/** Entry of the bit map page inside VS Code. */
import { createApp } from './app';
import type { Host } from './link';
import type { ToPage } from './protocol';
import { WorkerSolver, type Port } from './solver';
import './style.css';
import { registerToolkit } from './toolkit';

declare function acquireVsCodeApi(): Host;

registerToolkit();
const host = acquireVsCodeApi();
window.addEventListener('error', ({ message }) => host.postMessage({ type: 'error', message }));
window.addEventListener('unhandledrejection', ({ reason }) =>
  host.postMessage({ type: 'error', message: String(reason) }),
);
const root = document.getElementById('ompq');
if (root) void start(root);

async function start(page: HTMLElement): Promise<void> {
  const source = await workerSource(page.dataset.worker ?? '');
  const app = createApp(page, host, new WorkerSolver(() => new Worker(source) as unknown as Port));
  window.addEventListener('message', (event: MessageEvent<ToPage>) => app.receive(event.data));
  host.postMessage({ type: 'ready' });
}

/** A webview may not start a worker from another origin, but from a blob of the same script. */
async function workerSource(url: string): Promise<string> {
  const response = await fetch(url);
  return URL.createObjectURL(new Blob([await response.text()], { type: 'text/javascript' }));
}
