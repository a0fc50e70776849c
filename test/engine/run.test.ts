/** `ompq run`: what it prints is what the whole command prints, whoever runs the shards. */
import Ajv from 'ajv';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ended, runCommand } from './command';
import { scratch } from './harness';

const EXAMPLE = resolve('examples/resnet_cifar10.onnx');
const EVAL = [
  'eval',
  EXAMPLE,
  '--data',
  resolve('examples/test'),
  '--preset',
  'cifar10',
  '--limit',
  '40',
  '--json',
];
const SCORE = [
  'score',
  EXAMPLE,
  '--synthetic',
  '--samples',
  '8',
  '--no-cache',
  '--provider',
  'cpu',
  '--json',
];

function ompq(folder: string, args: string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  return runCommand(args, { cwd: folder, cache: join(folder, 'cache'), env });
}

const result = ({ stdout }: Ended) => ({ ...(JSON.parse(stdout) as object), seconds: null });
const PATH = process.env.PATH ?? '';

/** A program of this name that comes before all others. */
function withProgram(folder: string, name: string, script: string): NodeJS.ProcessEnv {
  writeFileSync(join(folder, name), script);
  chmodSync(join(folder, name), 0o755);
  return { PATH: `${folder}:${PATH}` };
}

const answers = (...command: string[]): boolean => {
  try {
    return execFileSync(command[0], command.slice(1), { encoding: 'utf8', stdio: 'pipe' }).trim() !== '';
  } catch {
    return false;
  }
};

/** What is not there is skipped, and its name says why. */
const WORKERS = [
  { on: 'local', isThere: true, hint: '' },
  { on: 'parallel', isThere: answers('parallel', '--version'), hint: ' (install GNU parallel to run it)' },
  {
    on: 'slurm',
    isThere: answers('sinfo', '--noheader', '--states=idle,mixed,allocated'),
    hint: ' (node scripts/slurm.mjs start sets one up)',
  },
];

describe.each(WORKERS)('on $on', ({ on, isThere, hint }) => {
  const when = it.skipIf(!isThere);
  const name = (text: string): string => (isThere ? text : text + hint);

  when(name('evaluates and scores as the whole command does'), async () => {
    const folder = scratch();
    for (const args of on === 'local' ? [EVAL, SCORE] : [EVAL]) {
      const split = await ompq(folder, ['run', '--on', on, '--shards', '3', ...args]);
      expect(split.stderr).not.toMatch(/^ompq: /m);
      expect(split.code).toBe(0);
      expect(result(split)).toEqual(result(await ompq(folder, args)));
    }
    expect(readdirSync(folder).filter((file) => file.startsWith('ompq-parts'))).toEqual([]);
  });

  when(name('runs what has failed again, tells why in the end, and goes on from there'), async () => {
    const folder = scratch();
    const parts = join(folder, 'parts');
    const data = join(folder, 'late.npz');
    const args = ['eval', EXAMPLE, '--data', data, '--preset', 'cifar10'];
    const run = ['run', '--on', on, '--shards', '2', '--parts', parts];
    writeFileSync(data, 'not yet');
    const failed = await ompq(folder, [...run, ...args]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/running 1\/2, 2\/2 again\n/);
    expect(failed.stderr).toMatch(
      /^ompq: Shard 1\/2 and 1 more failed: ompq: .*late\.npz.*\(logs .*goes on from there\)$/m,
    );
    // The folder keeps what is done: only the second shard is run by the next call.
    const rest = EVAL.slice(0, -1);
    const limit = readMemoryLimit(parts);
    await ompq(folder, [...rest, ...limit, '--shard', '1/2', '--out', join(parts, '1.part')]);
    const { stdout, code, stderr } = await ompq(folder, [...run, ...rest]);
    expect(stderr).not.toMatch(/^ompq: /m);
    expect(code).toBe(0);
    // The first line tells how long it took.
    const whole = (await ompq(folder, rest)).stdout;
    expect(stdout.split('\n').slice(1)).toEqual(whole.split('\n').slice(1));
    expect(readFileSync(join(parts, '1.log'), 'utf8')).toContain('late.npz');
    expect(readFileSync(join(parts, '2.log'), 'utf8')).not.toContain('late.npz');
  });
});

function readMemoryLimit(parts: string): string[] {
  const file = join(parts, 'memory-limit.txt');
  return existsSync(file) ? ['--memory-limit', readFileSync(file, 'utf8')] : [];
}

describe('left to Slurm', () => {
  const { isThere, hint } = WORKERS[2];
  it.skipIf(!isThere)(`merges after the shards${isThere ? '' : hint}`, async () => {
    const folder = scratch();
    const out = join(folder, 'result.json');
    const run = ['run', '--on', 'slurm', '--shards', '2', '--parts', join(folder, 'parts'), '--detach', out];
    const { stdout } = await ompq(folder, [...run, ...EVAL]);
    const [, id] = /their merging as job (\d+)/.exec(stdout)!;
    // Returns when the job is through.
    execFileSync('srun', [`--dependency=afterany:${id}`, 'true']);
    const merged = { ...(JSON.parse(readFileSync(out, 'utf8')) as object), seconds: null };
    expect(merged).toEqual(result(await ompq(folder, EVAL)));
  });
});

describe('on kubernetes', () => {
  const run = [
    ...['run', '--on', 'kubernetes', '--image', 'registry.example.com/ompq:0.1', '--volume', 'data:/data'],
    ...['--parts', '/data/parts of mine', '--shards', '5', '--jobs', '2'],
    ...['eval', '/data/model.onnx', '--data', '/data/images', '--json'],
  ];
  const schema = JSON.parse(readFileSync('test/support/kubernetes/job.schema.json', 'utf8')) as object;
  const isJob = new Ajv({ strict: false, validateFormats: false }).compile(schema);

  it('asks for jobs that the schema of Kubernetes allows', async () => {
    const { stdout } = await ompq(scratch(), [...run.slice(0, 3), '--print', ...run.slice(3)]);
    const jobs = stdout
      .split(/^(?=\{)/m)
      .map((text) => JSON.parse(text) as { spec: Record<string, unknown> });
    for (const job of jobs) expect(isJob(job), JSON.stringify(isJob.errors)).toBe(true);
    expect(isJob({ ...jobs[0], spec: { ...jobs[0].spec, completionz: 5 } })).toBe(false);
    expect(jobs[0].spec).toMatchObject({ completionMode: 'Indexed', completions: 5, parallelism: 2 });
    expect(JSON.stringify(jobs[0])).toContain(
      "ompq eval /data/model.onnx --data /data/images --json --shard $((JOB_COMPLETION_INDEX + 1))/5 --out '/data/parts of mine/'$((JOB_COMPLETION_INDEX + 1)).part",
    );
  });

  it('applies the shards, waits, applies the merging and prints what it has printed', async () => {
    const folder = scratch();
    const kubectl = `#!/bin/sh
echo "$@" >> ${folder}/calls
case $1 in
  apply) cat >> ${folder}/applied ;;
  get) echo '{"status":{"conditions":[{"type":"Complete","status":"True"}]}}' ;;
  logs) echo '{"samples":7}' ;;
esac
`;
    const { stdout, stderr } = await ompq(folder, run, withProgram(folder, 'kubectl', kubectl));
    expect(stderr).toBe('');
    expect(stdout).toBe('{"samples":7}\n');
    const calls = readFileSync(join(folder, 'calls'), 'utf8').replace(/ompq-eval-\w+/g, 'NAME');
    expect(calls.trim().split('\n')).toEqual([
      'apply -f -',
      'get job/NAME -o json',
      'apply -f -',
      'get job/NAME-merge -o json',
      'logs job/NAME-merge',
    ]);
  });

  it('tells which job has failed and why', async () => {
    const folder = scratch();
    const status = '{"status":{"conditions":[{"type":"Failed","status":"True","message":"Pods failed."}]}}';
    const kubectl = `#!/bin/sh\n[ $1 = get ] && echo '${status}'\nexit 0\n`;
    const { stderr, code } = await ompq(folder, run, withProgram(folder, 'kubectl', kubectl));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ompq: The job ompq-eval-\w+ has failed \(Pods failed\.\); "kubectl logs /);
  });
});

describe('wrong usage', () => {
  it.each<[string, string[], RegExp]>([
    ['a command that cannot be split', ['quantize', EXAMPLE], /quantize cannot be split; eval and score can/],
    ['a shard of its own', ['eval', EXAMPLE, '--shard', '1/2'], /--shard is for "ompq run" to decide/],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await ompq(scratch(), ['run', '--shards', '2', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('workers that are not installed are named', async () => {
    const env = { PATH: '/nowhere' };
    const { code, stderr } = await ompq(scratch(), ['run', '--on', 'slurm', '--shards', '2', ...EVAL], env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ompq: sbatch is not installed on this machine; choose another --on\.$/m);
  });
});
