import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getL10nJson } from '@vscode/l10n-dev';

export const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
export const read = (name) => (existsSync(path(name)) ? JSON.parse(readFileSync(path(name), 'utf8')) : {});

/** Properties of package.json that people read. */
const READ = new Set([
  ...['displayName', 'title', 'shortTitle', 'category', 'description', 'markdownDescription', 'altText'],
  ...['enumDescriptions', 'markdownEnumDescriptions', 'deprecationMessage', 'label', 'contents', 'name'],
]);

/** The name of a text: where it stands, by ids instead of numbers. */
function keyOf(place) {
  return place.filter((part) => part !== 'contributes' && part !== 'properties').join('.');
}

/**
 * The manifest with names in place of its texts, and the texts by name. The keys of a text that is there already are
 * kept; package.json's own `description` and `displayName` are moved, too.
 * @param {object} manifest
 * @param {Record<string, string>} known
 */
export function moved(manifest, known) {
  const texts = {};
  const text = (value, place) => {
    const named = /^%(.+)%$/.exec(value)?.[1];
    const key = named ?? keyOf(place);
    const meant = named === undefined ? value : known[named];
    if (meant === undefined) throw new Error(`package.nls.json has no text ${named}.`);
    texts[key] = meant;
    return `%${key}%`;
  };
  const walk = (node, place, isRead) => {
    if (typeof node === 'string') return isRead && node !== '' ? text(node, place) : node;
    if (Array.isArray(node)) {
      return node.map((child, i) =>
        walk(child, [...place, child?.command ?? child?.id ?? child?.viewType ?? i], isRead),
      );
    }
    if (node === null || typeof node !== 'object') return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, child]) => [key, walk(child, [...place, key], READ.has(key))]),
    );
  };
  const result = { ...manifest };
  result.displayName = text(manifest.displayName, ['displayName']);
  result.description = text(manifest.description, ['description']);
  const support = manifest.capabilities;
  if (support) result.capabilities = walk(support, ['capabilities'], false);
  const { grammars, languages, languageModelTools, ...contributes } = manifest.contributes;
  result.contributes = {
    ...walk(contributes, ['contributes'], false),
    languages,
    grammars,
    languageModelTools,
  };
  return { manifest: result, texts };
}

/** Every text of vscode.l10n.t in the extension, and of t in the bit map's page. */
export async function bundle() {
  const page = sources('webview').map((source) => ({ ...source, contents: asLibrary(source.contents) }));
  return getL10nJson([...sources('src/features'), ...page]);
}

/** The extractor looks for calls of what @vscode/l10n exports. */
function asLibrary(code) {
  return code
    .replace("import { t } from './l10n'", "import * as l10n from '@vscode/l10n'")
    .replace(/(?<![\w.])t\(/g, 'l10n.t(');
}

function sources(folder) {
  return readdirSync(path(folder), { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => ({ extension: '.ts', contents: readFileSync(join(path(folder), name), 'utf8') }));
}
