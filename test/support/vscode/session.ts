import { launchBrowser } from './chromium';
import { startServer, type ServerOptions, type VSCodeServer } from './server';

/** What a driver needs to open windows; plain data, so that it can be handed to another process. */
export interface SessionInfo {
  serverUrl: string;
  settingsFile: string;
  /** WebSocket address of the browser, for playwright's connect(). */
  browserEndpoint: string;
}

export interface Session extends Pick<VSCodeServer, 'died' | 'hostEnded'> {
  info: SessionInfo;
  stop: () => Promise<void>;
}

/** A VS Code server and a browser to look at it with. */
export async function startSession(options: ServerOptions): Promise<Session> {
  const server = await startServer(options);
  try {
    const browser = await launchBrowser(options.log);
    return {
      info: {
        serverUrl: server.url,
        settingsFile: server.settingsFile,
        browserEndpoint: browser.wsEndpoint(),
      },
      died: server.died,
      hostEnded: server.hostEnded,
      stop: async () => {
        await browser.kill();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
