import type { Locator, Page } from 'playwright-core';
import { exactly, shortly } from './text';

/** The open context menu. */
export class ContextMenu {
  readonly widget: Locator;

  constructor(private readonly page: Page) {
    this.widget = page.locator('.context-view .monaco-menu');
  }

  item(label: string | RegExp): Locator {
    return this.widget
      .locator('.action-item')
      .filter({ has: this.page.locator('.action-label', { hasText: exactly(label) }) });
  }

  /** Labels from top to bottom, without separators. */
  async labels(): Promise<string[]> {
    const labels = await this.widget.locator('.action-label').allInnerTexts();
    return labels.map((label) => label.trim()).filter((label) => label !== '');
  }

  /** Whether the item comes into view within a few seconds. */
  appears(label: string | RegExp): Promise<boolean> {
    return shortly((timeout) => this.item(label).waitFor({ timeout }));
  }

  /** Takes an item; false: the menu closed before it could be clicked, or ignored the click. */
  choose(label: string | RegExp): Promise<boolean> {
    const item = this.item(label);
    return shortly(async (timeout) => {
      // The menu ignores clicks on an item it has not focused, and focuses the one that the mouse comes to.
      await this.page.mouse.move(0, 0);
      await item.hover({ timeout });
      await item.click({ timeout });
      await this.widget.waitFor({ state: 'detached', timeout });
    });
  }

  async close(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.widget.waitFor({ state: 'detached' });
  }
}
