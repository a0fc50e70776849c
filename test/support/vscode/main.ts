// The one entry point to a real VS Code: `node scripts/vscode.mjs host | e2e | open | screenshot` (CONTRIBUTING.md).
import { parseArgs } from 'node:util';
import { runE2e } from './commands/e2e';
import { runHost } from './commands/host';
import { runOpen } from './commands/open';
import { runScreenshot } from './commands/screenshot';
import { runThirdParty } from './commands/thirdparty';

const usage = `Usage: node scripts/vscode.mjs COMMAND

  host [--grep TITLE] [--json FILE]
                                  run test/host inside the extension host of a real VS Code
  e2e [VITEST OPTIONS]            run test/e2e, which clicks in a real VS Code in a headless browser
  open [--workspace FOLDER]       start VS Code with this extension and print its address
  screenshot SCENE.ts [--theme dark,light,hc-dark,hc-light|all] [--out FOLDER] [--size 1280x800]
             [--production]       take the pictures of a scene (test/e2e/scenes), of the bundle as it is shipped
  thirdparty FILE.vsix            install a packed extension and quantize a third-party model with it

  VSCODE_PATH=FILE or OMPQ_DESKTOP=1 makes "host" use a desktop VS Code instead of the one npm carries;
  CHROMIUM_PATH=FILE names another browser than the one npm carries.`;

async function main([command, ...rest]: string[]): Promise<number> {
  switch (command) {
    case 'host': {
      const { values } = parseArgs({
        args: rest,
        options: { json: { type: 'string' }, grep: { type: 'string' } },
      });
      return runHost(values);
    }
    case 'e2e':
      return runE2e(rest);
    case 'open': {
      const { values } = parseArgs({ args: rest, options: { workspace: { type: 'string' } } });
      return runOpen(values);
    }
    case 'screenshot': {
      const { values, positionals } = parseArgs({
        args: rest,
        allowPositionals: true,
        options: {
          theme: { type: 'string' },
          out: { type: 'string' },
          size: { type: 'string' },
          production: { type: 'boolean' },
        },
      });
      return runScreenshot(positionals, values);
    }
    case 'thirdparty':
      if (!rest[0]) throw new Error('Name the packed extension, a .vsix file.');
      return runThirdParty(rest[0]);
    default:
      console.error(usage);
      return 2;
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code), // also ends whatever VS Code left running
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
