/** Bundles the page, serves it under its real CSP and opens it in Chromium. */
import sparticuz from '@sparticuz/chromium';
import { build } from 'esbuild';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { pageHtml } from '../../../src/features/bitMap/page';

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css' };

export interface Site {
  url: string;
  close(): Promise<void>;
}

/** @param root of the project */
export async function serve(root: string, texts: Record<string, string> = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'ompq-page-'));
  await build({
    absWorkingDir: root,
    entryPoints: { page: 'test/webview/support/page.ts', worker: 'webview/worker.ts' },
    outdir: folder,
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    logLevel: 'error',
  });
  const server = createServer((request, response) => {
    void respond(request.url ?? '/').then(
      ({ type, body }) => response.writeHead(200, { 'content-type': type }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function respond(url: string): Promise<{ type: string; body: string | Buffer }> {
    const { pathname } = new URL(url, origin);
    if (pathname !== '/') {
      return { type: TYPES[extname(pathname)] ?? '', body: await readFile(join(folder, pathname.slice(1))) };
    }
    const body = pageHtml({
      cspSource: origin,
      nonce: 'testing',
      script: `${origin}/page.js`,
      style: `${origin}/page.css`,
      worker: `${origin}/worker.js`,
      language: 'en',
      texts,
    });
    return { type: 'text/html', body };
  }
  return {
    url: origin,
    close: async () => {
      await closed(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => server.close(() => done()));
}

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? (await sparticuz.executablePath()),
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
