import type { Locator, Page } from 'playwright-core';
import type { ContextMenu } from './menu';
import { exactly, until } from './text';

/** The tree of the workspace's files. */
export class Explorer {
  constructor(
    private readonly page: Page,
    private readonly menu: ContextMenu,
  ) {}

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

  /**
   * Right-clicks the item; the menu is then open and has `label`. A menu closes by itself when the window is
   * laid out anew below it, and a person then clicks again.
   */
  async contextMenu(name: string, label: string): Promise<void> {
    await until(`the menu of ${name} has "${label}"`, async () => {
      if (await this.menu.item(label).isVisible()) return true;
      if (await this.menu.widget.isVisible()) await this.menu.close();
      await this.item(name).click({ button: 'right' });
      return this.menu.appears(label);
    });
  }

  /** Right-clicks the item and chooses from its menu. */
  async choose(name: string, label: string): Promise<void> {
    await until(`"${label}" can be chosen for ${name}`, async () => {
      await this.contextMenu(name, label);
      return this.menu.choose(label);
    });
  }
}
