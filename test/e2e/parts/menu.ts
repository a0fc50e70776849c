import type { Locator, Page } from 'playwright-core';
import { exactly } from './text';

/** The open context menu. */
export class ContextMenu {
  constructor(private readonly page: Page) {}

  item(label: string | RegExp): Locator {
    return this.page
      .locator('.context-view .monaco-menu .action-item')
      .filter({ has: this.page.locator('.action-label', { hasText: exactly(label) }) });
  }

  /** Labels from top to bottom, without separators. */
  async labels(): Promise<string[]> {
    const labels = await this.page.locator('.context-view .monaco-menu .action-label').allInnerTexts();
    return labels.map((label) => label.trim()).filter((label) => label !== '');
  }

  async choose(label: string | RegExp): Promise<void> {
    const item = this.item(label);
    await item.hover(); // the menu ignores clicks on an item it has not focused
    await item.click();
    await this.page.locator('.context-view .monaco-menu').waitFor({ state: 'detached' });
  }

  async close(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.page.locator('.context-view .monaco-menu').waitFor({ state: 'detached' });
  }
}
