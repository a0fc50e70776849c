import type { Locator, Page } from 'playwright-core';
import { shortly, until } from './text';

/** The text editor in front and the tabs above it. */
export class Editor {
  constructor(private readonly page: Page) {}

  tab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab').filter({ hasText: name });
  }

  /** The tab, while its text has unsaved changes. */
  dirtyTab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab.dirty').filter({ hasText: name });
  }

  /** The tab, while its text is what the file holds. */
  savedTab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab:not(.dirty)').filter({ hasText: name });
  }

  /** Waits until a tab of this name is the one in front. */
  async waitForActive(name: string | RegExp, timeout = 120_000): Promise<void> {
    await this.page.locator('.tabs-container .tab.active').filter({ hasText: name }).waitFor({ timeout });
  }

  /** Brings a text to the front and waits until what is typed goes into it. */
  async focus(name: string | RegExp): Promise<void> {
    await until(`the editor of ${String(name)} has the focus`, async () => {
      await this.tab(name).click();
      const group = this.page
        .locator('.editor-group-container.active')
        .filter({ has: this.page.locator('.tab.active', { hasText: name }) });
      return shortly((timeout) => group.locator('.monaco-editor.focused').waitFor({ timeout }));
    });
  }

  /** Puts the cursor before the first `text` of a line, counted from 1; `content` is what the editor in front shows. */
  async placeBefore(text: string, line: number, content: string): Promise<void> {
    const { keyboard } = this.page;
    await keyboard.press('Control+Home');
    for (let at = 1; at < line; at++) await keyboard.press('ArrowDown');
    await keyboard.press('Home'); // after the indentation
    const column = content.split('\n')[line - 1].trimStart().indexOf(text);
    for (let at = 0; at < column; at++) await keyboard.press('ArrowRight');
  }

  get lines(): Locator {
    return this.page.locator('.editor-group-container.active .monaco-editor .view-line');
  }

  /** The text of the lines in view, top to bottom; the editor draws no others. */
  async visibleText(): Promise<string> {
    await this.lines.first().waitFor();
    const lines = await this.lines.evaluateAll((elements) =>
      elements
        .map((element) => ({ top: parseFloat(element.style.top), text: element.textContent ?? '' }))
        .sort((a, b) => a.top - b.top)
        .map((line) => line.text.replaceAll('\u00a0', ' ')),
    );
    return lines.join('\n');
  }

  /** CodeLens entries in view. */
  lens(text: string | RegExp): Locator {
    return this.page
      .locator('.editor-group-container.active .codelens-decoration a')
      .filter({ hasText: text });
  }
}
