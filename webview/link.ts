/** The page's end of the protocol: requests that are always answered, messages that are only sent. */
import type { FromPage, PanelRequest, ToPage } from './protocol';

/** What VS Code gives a webview. */
export interface Host {
  postMessage(message: FromPage): void;
  getState(): unknown;
  setState(state: unknown): void;
}

export class Link {
  private id = 0;
  private readonly waiting = new Map<number, { done: () => void; failed: (error: Error) => void }>();

  constructor(private readonly host: Host) {}

  send(message: Exclude<FromPage, { type: 'request' }>): void {
    this.host.postMessage(message);
  }

  /** @throws Error with the extension's sentence for the user */
  request(request: PanelRequest): Promise<void> {
    const id = ++this.id;
    return new Promise((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.host.postMessage({ type: 'request', id, request });
    });
  }

  /** Takes replies; false for every other message. */
  settle(message: ToPage): boolean {
    if (message.type !== 'done' && message.type !== 'failed') return false;
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.type === 'done') waiting?.done();
    else waiting?.failed(new Error(message.message));
    return true;
  }
}
