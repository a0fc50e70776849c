import type { Locator, Page } from 'playwright-core';
import { shortly, until } from './text';

/** Quick picks, input boxes and the command palette: they share one widget at the top of the window. */
export class QuickInput {
  constructor(private readonly page: Page) {}

  get widget(): Locator {
    return this.page.locator('.quick-input-widget');
  }

  get input(): Locator {
    return this.widget.locator('.quick-input-box input');
  }

  /** The rows in view whose label, description or detail match. */
  item(label: string | RegExp): Locator {
    return this.widget.locator('.quick-input-list .monaco-list-row').filter({ hasText: label });
  }

  /** What the rows in view say, top to bottom, label first. */
  async rows(): Promise<string[]> {
    const rows = this.widget.locator('.quick-input-list .monaco-list-row');
    return rows.evaluateAll((elements) =>
      elements
        .sort((a, b) => Number(a.dataset.index) - Number(b.dataset.index))
        .map((row) => [...row.querySelectorAll('.label-name, .label-description')])
        .map((parts) => parts.map((part) => (part.textContent ?? '').trim()).join(' ')),
    );
  }

  /** Waits until the widget asks `prompt`: its title, its placeholder or the line below its input. */
  async waitFor(prompt: string | RegExp): Promise<void> {
    const deadline = Date.now() + 120_000;
    for (;;) {
      const said = await this.prompt();
      if (typeof prompt === 'string' ? said.includes(prompt) : prompt.test(said)) return;
      if (Date.now() > deadline)
        throw new Error(`No quick input says "${String(prompt)}"; it says "${said}".`);
      await this.page.waitForTimeout(50);
    }
  }

  /** Everything the widget says around its list: title, placeholder, message; empty when it is closed. */
  async prompt(): Promise<string> {
    if (!(await this.widget.isVisible())) return '';
    const parts = await Promise.all([
      this.widget.locator('.quick-input-title').first().innerText(),
      this.input.first().getAttribute('placeholder'),
      this.widget.locator('.quick-input-message').first().innerText(),
    ]);
    return parts.filter(Boolean).join('\n');
  }

  /**
   * Waits for the question, clicks a row and waits until the question is gone. The list may be filled anew
   * under a click, which is then lost; a click is repeated only while the same question is asked.
   */
  async choose(prompt: string, label: string | RegExp): Promise<void> {
    await this.waitFor(prompt);
    await until(`"${String(label)}" answers "${prompt}"`, async () => {
      await shortly((timeout) => this.item(label).first().click({ timeout }));
      return this.closes(prompt);
    });
  }

  private async closes(prompt: string): Promise<boolean> {
    const deadline = Date.now() + 3000;
    while ((await this.prompt()).includes(prompt)) {
      if (Date.now() > deadline) return false;
      await this.page.waitForTimeout(50);
    }
    return true;
  }

  /** Answers an input box, or filters a quick pick and takes the first match. */
  async answer(text: string): Promise<void> {
    await this.input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  async cancel(): Promise<void> {
    await until('the quick input closes', async () => {
      await this.page.keyboard.press('Escape');
      return shortly((timeout) => this.widget.waitFor({ state: 'hidden', timeout }));
    });
  }
}
