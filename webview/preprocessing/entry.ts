/** Entry of the page on which image preprocessing is adjusted. */
import { registerToolkit } from '../toolkit';
import { preprocessingPage } from './page';
import type { FromEditor, ToEditor } from './protocol';
import './style.css';

declare function acquireVsCodeApi(): { postMessage(message: FromEditor): void };

registerToolkit();
const host = acquireVsCodeApi();
const root = document.getElementById('ompq');
if (root) {
  const receive = preprocessingPage(root, (message) => host.postMessage(message));
  window.addEventListener('message', ({ data }: MessageEvent<ToEditor>) => receive(data));
  host.postMessage({ type: 'ready' });
}
