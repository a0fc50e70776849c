/** A store whose solver answers in the same thread. */
import { answer } from '../../../webview/answer';
import { WorkerSolver, type Port } from '../../../webview/solver';
import { Store } from '../../../webview/store';

export function directPort(): Port {
  const port: Port = {
    onmessage: null,
    postMessage: (question) =>
      void Promise.resolve().then(() => port.onmessage?.({ data: answer(question) })),
    terminate: () => (port.onmessage = null),
  };
  return port;
}

export function testStore(): Store {
  return new Store(new WorkerSolver(directPort));
}

/** Lets questions under way be answered. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((done) => setTimeout(done, 0));
}
