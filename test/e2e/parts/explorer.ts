import type { Locator, Page } from 'playwright-core';
import { exactly } from './text';

/** The tree of the workspace's files. */
export class Explorer {
  constructor(private readonly page: Page) {}

  /** The row of a file or folder that is in view. */
  item(name: string): Locator {
    return this.page
      .locator('.explorer-folders-view .monaco-list-row')
      .filter({ has: this.page.locator('.label-name', { hasText: exactly(name) }) });
  }

  async open(name: string): Promise<void> {
    await this.item(name).dblclick();
    await this.page.locator('.tabs-container .tab', { hasText: name }).waitFor();
  }

  /** Right-clicks the item; the menu is then open. */
  async contextMenu(name: string): Promise<void> {
    await this.item(name).click({ button: 'right' });
    await this.page.locator('.context-view .monaco-menu').waitFor();
  }
}
