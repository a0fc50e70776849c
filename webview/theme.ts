/** Which theme VS Code shows, and word when it changes. */
import { bitColours, inkOn, type Theme } from './palette';

export function currentTheme(body: HTMLElement): Theme {
  const has = (name: string): boolean => body.classList.contains(name);
  // a light high-contrast body carries both high-contrast classes
  if (has('vscode-high-contrast-light')) return 'hc-light';
  if (has('vscode-high-contrast')) return 'hc-dark';
  return has('vscode-light') ? 'light' : 'dark';
}

/** Sets the data colours as custom properties, now and at every switch of the theme, then calls `changed`. */
export function followTheme(document: Document, changed: (theme: Theme) => void): () => void {
  let theme: Theme | null = null;
  const apply = (): void => {
    const now = currentTheme(document.body);
    if (now === theme) return;
    theme = now;
    for (const [bits, colour] of Object.entries(bitColours(now))) {
      document.documentElement.style.setProperty(`--ompq-bits-${bits}`, colour);
      document.documentElement.style.setProperty(`--ompq-ink-${bits}`, inkOn(colour));
    }
    changed(now);
  };
  const observer = new MutationObserver(apply);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  apply();
  return () => observer.disconnect();
}
