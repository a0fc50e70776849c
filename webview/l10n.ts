/** The page's texts in the user's language, out of VS Code's bundle, which the host writes into the page. */

const bundle = readBundle();

/** @param text in English, with {0}, {1}, ... for `values`; a literal, so that `npm run l10n` finds it */
export function t(text: string, ...values: (string | number)[]): string {
  const own = Object.hasOwn(bundle, text) ? bundle[text] : text;
  return own.replace(/\{(\d+)\}/g, (all, index: string) => shown(values[Number(index)]) ?? all);
}

const shown = (value: string | number | undefined): string | undefined =>
  typeof value === 'number' ? value.toLocaleString('en-US') : value;

/** When this module is loaded, before any other names its texts. A worker has no page, and no texts. */
function readBundle(): Record<string, string> {
  const texts = typeof document === 'undefined' ? undefined : document.getElementById('ompq')?.dataset.texts;
  return texts ? (JSON.parse(texts) as Record<string, string>) : {};
}
