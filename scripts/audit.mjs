// npm's advisories on what runs (npm audit --omit=dev), told apart from a registry that has none to give.
// Without CI in the environment such a registry is no failure: nobody can ask it.
import { spawnSync } from 'node:child_process';

const { stdout, stderr, status } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  shell: process.platform === 'win32', // npm is a .cmd file there
});
const report = parsed(stdout);
if (report?.metadata?.vulnerabilities) {
  const { total } = report.metadata.vulnerabilities;
  const { prod } = report.metadata.dependencies;
  console.log(`${total === 0 ? 'No' : total} known vulnerabilities in ${prod} packages that are shipped.`);
  for (const { name, severity, range } of Object.values(report.vulnerabilities))
    console.log(`  ${severity}: ${name} ${range}`);
  process.exitCode = status ?? 1;
} else {
  const why = report?.message ?? stderr.trim().split('\n')[0] ?? '';
  console.error(`Nothing was audited: the npm registry in use answers no audits (${why}).`);
  console.error('Run it again where the registry itself can be reached.');
  process.exitCode = process.env.CI ? 1 : 0;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
