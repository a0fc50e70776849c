// Longer fuzzing than the tests do: node scripts/fuzz.mjs [--minutes N | --models N] [--seed S] [--round R]
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    models: { type: 'string' },
    seed: { type: 'string' },
    round: { type: 'string' },
  },
});
const env = { ...process.env, OMPQ_FUZZ_MINUTES: values.minutes };
if (values.models !== undefined) {
  // An end by number; at most a day.
  Object.assign(env, { OMPQ_FUZZ_ROUNDS: values.models, OMPQ_FUZZ_MINUTES: '1440' });
}
// Another seed every time, unless one is to be played again; the output names it with every finding.
env.OMPQ_FUZZ_SEED = values.seed ?? String(Date.now() % 1_000_000);
if (values.round !== undefined) env.OMPQ_FUZZ_ROUND = values.round;
const vitest = ['vitest', 'run', '--project', 'fuzz'];
process.exitCode =
  spawnSync('npx', vitest, { env, stdio: 'inherit', shell: process.platform === 'win32' }).status ?? 1;
