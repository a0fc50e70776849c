// Installs what package-lock.json asks for, and does nothing when it is there already.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (name) => JSON.parse(readFileSync(`${root}/${name}`, 'utf8'));

checkNode();
if (!isInstalled()) install();

function checkNode() {
  const least = Number(/\d+/.exec(read('package.json').engines.node)[0]);
  if (Number(process.versions.node.split('.')[0]) < least) {
    stop(`Node.js ${least} or newer is needed, this is ${process.version}; get it from https://nodejs.org.`);
  }
}

/** npm notes what it installed at the end of an install, so half an install counts as none. */
function isInstalled() {
  if (!existsSync(`${root}/node_modules/.package-lock.json`)) return false;
  const installed = read('node_modules/.package-lock.json').packages;
  return Object.entries(read('package-lock.json').packages)
    .filter(([path, wanted]) => path !== '' && !(wanted.optional && !installed[path]))
    .every(([path, wanted]) => installed[path]?.version === wanted.version);
}

function install() {
  console.log('Installing packages (npm ci)...');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32', // npm is a .cmd file there
  });
  if (result.error) stop(`npm cannot be started (${result.error.message}); it comes with Node.js.`);
  if (result.status !== 0)
    stop('npm ci failed, see above; check the network and the registry, then try again.');
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
