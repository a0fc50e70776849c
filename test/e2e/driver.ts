import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser, type FrameLocator, type Page } from 'playwright-core';
import { windowAddress } from '../support/vscode/address';
import { root } from '../support/vscode/paths';
import type { SessionInfo } from '../support/vscode/session';
import { Editor } from './parts/editor';
import { Explorer } from './parts/explorer';
import { ContextMenu } from './parts/menu';
import { Notifications } from './parts/notifications';
import { QuickInput } from './parts/quick-input';
import { shortly, until } from './parts/text';
import { windowSettings } from '../support/vscode/settings';
import { themes, type Theme } from '../support/vscode/themes';

export interface OpenOptions {
  /** Folder shown in the Explorer. */
  workspace: string;
  theme?: Theme;
  settings?: Record<string, unknown>;
  size?: { width: number; height: number };
  /** Where `screenshot` puts its pictures. */
  pictures?: string;
}

/** One VS Code window, driven as a person would: by looking and clicking. */
export class CodeWindow {
  readonly explorer: Explorer;
  readonly menu: ContextMenu;
  readonly quickInput: QuickInput;
  readonly notifications: Notifications;
  readonly editor: Editor;
  /** Told the path of every picture that is taken. */
  onPicture: (path: string) => void = () => undefined;
  private theme: Theme;
  private ownSettings: Record<string, unknown>;

  private constructor(
    readonly page: Page,
    private readonly browser: Browser,
    private readonly session: SessionInfo,
    private readonly options: OpenOptions,
  ) {
    this.menu = new ContextMenu(page);
    this.explorer = new Explorer(page, this.menu);
    this.quickInput = new QuickInput(page);
    this.notifications = new Notifications(page);
    this.editor = new Editor(page);
    this.theme = options.theme ?? 'dark';
    this.ownSettings = options.settings ?? {};
  }

  /** Opens a window with a fresh profile and waits until its Explorer shows the workspace. */
  static async open(session: SessionInfo, options: OpenOptions): Promise<CodeWindow> {
    const browser = await chromium.connect(session.browserEndpoint);
    const page = await browser.newPage({ viewport: options.size ?? { width: 1280, height: 800 } });
    page.setDefaultTimeout(100_000);
    const window = new CodeWindow(page, browser, session, options);
    await window.applySettings();
    await page.goto(windowAddress(session.serverUrl, { workspace: options.workspace }));
    await window.waitUntilReady();
    return window;
  }

  get workspace(): string {
    return this.options.workspace;
  }

  /** Runs a command by its title in the command palette. */
  async runCommand(title: string): Promise<void> {
    await until(`"${title}" is run`, async () => {
      await this.openQuickInput('F1');
      // the palette closes again where something else takes the focus meanwhile
      return shortly(async (timeout) => {
        await this.quickInput.input.fill(`>${title}`, { timeout });
        await this.quickInput.item(title).first().click({ timeout });
      });
    });
  }

  /** A page that is still loading swallows the key; it is then pressed again. */
  private async openQuickInput(key: string): Promise<void> {
    await until(`${key} opens the quick input`, async () => {
      await this.page.keyboard.press(key);
      return shortly((timeout) => this.quickInput.input.waitFor({ timeout }));
    });
  }

  /** Opens a file of the workspace by typing its path into Quick Open. */
  async openFile(path: string): Promise<void> {
    await this.openQuickInput('Control+P');
    await this.quickInput.input.fill(path);
    const name = path.split('/').at(-1)!;
    await this.quickInput.item(name).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.editor.waitForActive(name);
  }

  /** The document inside the webview that is in view; `title` tells apart several. */
  webview(title?: string): FrameLocator {
    const outer = title ? `iframe.webview[title="${title}"]` : 'iframe.webview.ready';
    return this.page.frameLocator(outer).first().frameLocator('#active-frame');
  }

  /** Switches the theme of the open window. */
  async setTheme(theme: Theme): Promise<void> {
    this.theme = theme;
    await this.applySettings();
    await this.page.locator(`.monaco-workbench.${themes[theme].workbenchClass}`).waitFor();
  }

  /** Changes single settings of the open window. */
  async setSettings(settings: Record<string, unknown>): Promise<void> {
    this.ownSettings = { ...this.ownSettings, ...settings };
    await this.applySettings();
  }

  /** Saves a picture of the window as NAME-THEME.png and returns its path. */
  async screenshot(name: string): Promise<string> {
    const folder = this.options.pictures ?? join(root, 'out/pictures');
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${name}-${this.theme}.png`);
    await this.page.screenshot({ path, animations: 'disabled' });
    this.onPicture(path);
    return path;
  }

  /** Reloads the window with "Developer: Reload Window". */
  async reload(): Promise<void> {
    const reloaded = this.page.waitForEvent('load');
    await this.runCommand('Developer: Reload Window');
    await reloaded;
    await this.waitUntilReady();
  }

  async close(): Promise<void> {
    await this.browser.close(); // only this connection: its pages go, the browser stays
  }

  private async waitUntilReady(): Promise<void> {
    await this.page.locator(`.monaco-workbench.${themes[this.theme].workbenchClass}`).waitFor();
    await this.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
    // VS Code's own mark; before it, menus and editors of extensions are not there yet
    await this.page.waitForFunction(() => performance.getEntriesByName('code/didLoadExtensions').length > 0);
  }

  private async applySettings(): Promise<void> {
    await writeFile(this.session.settingsFile, JSON.stringify(windowSettings(this.theme, this.ownSettings)));
  }
}
