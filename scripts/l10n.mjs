// Moves the texts of package.json into package.nls.json, and collects those of vscode.l10n.t into l10n/bundle.l10n.json.
// Can be run at any time: what has been moved stays where it is, texts that nobody names any more go.
import { mkdirSync, writeFileSync } from 'node:fs';
import { bundle, read, moved, path } from './l10n/texts.mjs';

const { manifest, texts } = moved(read('package.json'), read('package.nls.json'));
mkdirSync(path('l10n'), { recursive: true });
write('package.json', manifest);
write('package.nls.json', texts);
write('l10n/bundle.l10n.json', await bundle());

function write(name, content) {
  writeFileSync(path(name), `${JSON.stringify(content, null, 2)}\n`);
}
