import type { Locator, Page } from 'playwright-core';

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
    const deadline = Date.now() + 60_000;
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

  /** Clicks a row. */
  async choose(label: string | RegExp): Promise<void> {
    await this.item(label).first().click();
  }

  /** Answers an input box, or filters a quick pick and takes the first match. */
  async answer(text: string): Promise<void> {
    await this.input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  async cancel(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.widget.waitFor({ state: 'hidden' });
  }
}
