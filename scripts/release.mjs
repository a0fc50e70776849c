// Makes a release: npm run release -- patch|minor|major|1.2.3
// Writes the version and today's changelog section, commits, tags; what is pushed is for a person to decide.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import semver from 'semver';

const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();

function stop(message) {
  console.error(message);
  process.exit(1);
}

const wanted = process.argv[2];
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const version = semver.valid(wanted) ?? semver.inc(manifest.version, wanted);
if (!version) stop('Say what to release: patch, minor, major or a version such as 1.2.3.');
if (!semver.gt(version, manifest.version)) stop(`${version} is not newer than ${manifest.version}.`);
const tag = `v${version}`;
if (git('status', '--porcelain') !== '')
  stop('There are changes that are not committed; commit or stash them.');
if (git('tag', '--list', tag) !== '') stop(`The tag ${tag} exists already.`);

const changelog = released(readFileSync('CHANGELOG.md', 'utf8'));
writeFileSync('CHANGELOG.md', changelog);
for (const file of ['package.json', 'package-lock.json']) setVersion(file);
git('commit', '--all', '--message', `Release ${version}`);
git('tag', '--annotate', tag, '--message', `Release ${version}`);
console.log(
  `${tag} is committed and tagged; nothing has been pushed. After "git push --follow-tags" CI tests and packs it.`,
);

/** Everything under [Unreleased] becomes the new version's, dated; an empty [Unreleased] stays on top. */
function released(text) {
  const heading = '## [Unreleased]\n';
  const at = text.indexOf(heading);
  if (at < 0) stop('CHANGELOG.md has no section "## [Unreleased]".');
  const start = at + heading.length;
  const next = text.indexOf('\n## [', start);
  const changes = text.slice(start, next < 0 ? undefined : next).trim();
  if (changes === '') stop('Nothing is listed under [Unreleased] in CHANGELOG.md.');
  const date = new Date().toISOString().slice(0, 10);
  return `${text.slice(0, start)}\n## [${version}] - ${date}\n${text.slice(start)}`;
}

function setVersion(file) {
  const content = JSON.parse(readFileSync(file, 'utf8'));
  content.version = version;
  if (content.packages) content.packages[''].version = version;
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
