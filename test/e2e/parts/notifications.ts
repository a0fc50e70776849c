import type { Locator, Page } from 'playwright-core';

/** The messages and progress notifications in the lower right corner. */
export class Notifications {
  constructor(private readonly page: Page) {}

  /** Notifications whose text contains or matches. */
  find(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast .notification-list-item').filter({ hasText: text });
  }

  /** The messages now shown. */
  async texts(): Promise<string[]> {
    return this.page.locator('.notification-toast .notification-list-item-message').allInnerTexts();
  }

  /** Waits for a notification and returns its whole message. */
  async waitFor(text: string | RegExp, timeout = 120_000): Promise<string> {
    const found = this.find(text).first();
    await found.waitFor({ timeout });
    return found.locator('.notification-list-item-message').innerText();
  }

  /** Presses a button of the notification that contains `text`. */
  async press(text: string | RegExp, button: string): Promise<void> {
    await this.find(text).first().getByRole('button', { name: button, exact: true }).click();
  }
}
