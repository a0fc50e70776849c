/** Every limit, rule and tie as a person types them: the options of `ompq quantize`, held against the config they make. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig, type Config } from '../../src/config/config';
import { parseLatencyTable } from '../../src/config/latency';
import { NOISE_WIDTHS } from '../../src/config/types';
import type { LatencyReply } from '../../src/engine/protocol';
import { tinyCnn } from '../support/models/zoo';
import { save } from './harness';

/** Not much more than everything at two bits (the first and the last at eight) takes. */
const TWO_BITS = 10_000_000;
const PAPER = ['--objective', 'orthogonality'];

interface Done {
  status: number | null;
  config: Config | null;
  stdout: string;
  stderr: string;
}

/** The config is null where the command failed. */
function quantize(...args: string[]): Done {
  const model = save(tinyCnn(), 'net.onnx');
  const job = ['quantize', model, '--synthetic', '--samples', '8', '--no-cache', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve('dist/cli.js'), ...job], {
    encoding: 'utf8',
    cwd: dirname(model),
  });
  const text = status === 0 ? readFileSync(join(dirname(model), 'net.ompq.json'), 'utf8') : null;
  return { config: text === null ? null : parseConfig(text, 'net'), status, stdout, stderr };
}

/** Of the four functions' noise, as a config has it, at these bits. */
function noiseAt(bits: number[]): number {
  const { functions } = configOf(quantize('--quality', 'noise<=1000'));
  return functions.reduce((sum, f, i) => sum + f.noise![NOISE_WIDTHS.indexOf(bits[i] as 8)], 0);
}

function configOf(done: Done): Config {
  expect(done.stderr).not.toContain('error');
  expect(done.config).not.toBeNull();
  return done.config!;
}

const bopsOf = ({ functions }: Config, activationBits: number): number =>
  functions.reduce((sum, f) => sum + f.macs! * f.bits * activationBits, 0);
const bitsOf = ({ functions }: Config): Record<string, number> =>
  Object.fromEntries(functions.map((f) => [f.name, f.bits]));

describe('limits of ompq quantize', () => {
  it('--bops counts weight bits times --act-bits, beside the budget', () => {
    const free = configOf(quantize(...PAPER, '--avg-bits', '6'));
    const limit = Math.floor(bopsOf(free, 8) * 0.8);
    const done = quantize(...PAPER, '--avg-bits', '6', '--bops', String(limit), '--act-bits', '8');
    const config = configOf(done);
    expect(bopsOf(config, 8)).toBeLessThanOrEqual(limit);
    expect(config.totals.averageBits).toBeLessThanOrEqual(6);
    expect(config.allocation).toMatchObject({ limits: { bops: limit }, activationBits: 8 });
    expect(done.stdout).toMatch(/^BOPs: .* of /m);
  });

  it('--latency reads --latency-table and needs it', () => {
    const free = configOf(quantize(...PAPER, '--avg-bits', '6'));
    const times = Object.fromEntries(free.functions.map((f) => [f.name, { 4: 1, 8: 2 }]));
    const table = save(tinyCnn(), 'unused.onnx').replace('unused.onnx', 'table.json');
    writeFileSync(table, JSON.stringify({ rest: 0.5, functions: times }));
    const widths = ['--widths', '4,8', '--latency-table', table];
    const limited = quantize(...PAPER, '--latency', '7.5ms', ...widths);
    const config = configOf(limited);
    // Two pinned ones at 2 ms, the others at 1 or 2.
    const time = config.functions.reduce((sum, f) => sum + (f.bits === 8 ? 2 : 1), 0.5);
    expect(time).toBe(7.5);
    // Its only limit is on time: no word of a budget that nobody gave.
    expect(limited.stdout).toMatch(/ bits on average$/m);
    expect(limited.stdout).toContain('Latency: 7.5 ms of 7.5 ms');
    expect(config.allocation).toMatchObject({ limits: { milliseconds: 7.5 }, restMilliseconds: 0.5 });
    expect(quantize(...PAPER, '--latency', '7ms').stderr).toContain(
      '--latency and --latency-table go together',
    );
    expect(quantize(...PAPER, '--latency', '5ms', '--pin', 'first,last=8', ...widths).stderr).toMatch(
      /No allocation keeps within 5 ms/,
    );
  });

  it('--latency-table takes what "ompq latency" measured', () => {
    const model = save(tinyCnn(), 'net.onnx');
    const ompq = (...args: string[]) =>
      spawnSync(process.execPath, [resolve('dist/cli.js'), ...args], {
        encoding: 'utf8',
        cwd: dirname(model),
      });
    const measured = ompq('latency', model, '--synthetic', '--runs', '5', '--json');
    expect(measured.stderr).not.toContain('error');
    const path = join(dirname(model), 'net.latency.json');
    const written = readFileSync(path, 'utf8');
    expect(JSON.parse(written)).toEqual(JSON.parse(measured.stdout));
    const reply = JSON.parse(written) as LatencyReply;
    const all = Object.values(reply.functions);
    expect(all).toHaveLength(4);
    for (const times of all) for (const time of Object.values(times)) expect(time).toBeGreaterThan(0);
    const parts = all.reduce((sum, times) => sum + times[32], reply.rest);
    expect(parts / reply.whole).toBeCloseTo(1, 2);
    expect(reply).toMatchObject({ runs: 5, device: expect.stringMatching(/^CPU, \d+ thread/) as string });
    expect(parseLatencyTable(written, 'net.latency.json')).toMatchObject({ rest: reply.rest });

    const table = ['--latency-table', path, '--widths', '4,8'];
    const integer = all.reduce((sum, times) => sum + times[8], reply.rest);
    const config = configOf(quantize(...PAPER, '--latency', `${integer * 1.01}ms`, ...table));
    expect(config.allocation.restMilliseconds).toBe(reply.rest);
    // Widths below 8 bits run as 8.
    for (const f of config.functions) expect(f.milliseconds![4]).toBe(f.milliseconds![8]);
    expect(quantize(...PAPER, '--latency', `${integer * 0.5}ms`, ...table).stderr).toMatch(
      /No allocation keeps/,
    );
    expect(ompq('latency', model, '--synthetic', '--out', 'net.onnx').stderr).toContain('another name');
  });

  it('--act-widths searches the bits of the activations, too, and an export takes them', () => {
    const searched = ['--act-widths', '4,6,8', '--avg-bits', '6'];
    const free = configOf(quantize(...searched));
    const bops = ({ functions }: Config): number =>
      functions.reduce((sum, f) => sum + f.macs! * f.bits * f.activationBits!, 0);
    // Nothing limits them: all take the widest.
    expect(free.functions.map((f) => f.activationBits)).toEqual(free.functions.map(() => 8));
    const limit = Math.floor(bops(free) * 0.8);
    const done = quantize(...searched, '--bops', String(limit));
    const config = configOf(done);
    expect(bops(config)).toBeLessThanOrEqual(limit);
    expect(config.allocation).toMatchObject({ objective: 'noise-aware', activationWidths: [4, 6, 8] });
    expect(config.functions.some((f) => f.activationBits! < 8)).toBe(true);
    for (const f of [config.functions[0], config.functions.at(-1)!]) expect(f.activationBits).toBe(8);
    for (const { activationNoise } of config.functions)
      expect(activationNoise![4]).toBeGreaterThan(activationNoise![8]);
    expect(done.stdout).toMatch(/^function +bits +act bits/m);

    expect(done.stdout).toContain('holds only in a file exported with --act-bits config');
    expect(quantize(...PAPER, ...searched).stderr).toContain('says nothing about activations');
    expect(quantize(...searched, '--act-bits', '8').stderr).toContain('exclude each other');
    expect(quantize(...searched, '--quality', 'kl<=0.1').stderr).toMatch(/exclude|quantized weights only/);
    expect(quantize('--avg-bits', '6', '--act-widths', '2,8').stderr).toContain('4 to 8 bits');
  });

  it('--peak-activation holds or says what the least is', () => {
    const config = configOf(quantize(...PAPER, '--avg-bits', '6', '--peak-activation', '10MB'));
    expect(config.allocation.limits).toEqual({ activationBytes: 10_000_000 });
    expect(quantize(...PAPER, '--avg-bits', '6', '--peak-activation', '100B').stderr).toMatch(
      /No allocation keeps/,
    );
  });

  it('names limits that cannot be kept together, or each alone', () => {
    // Little noise asks for many bits, few bit operations for few; each alone has an answer.
    const noise = ['--quality', `noise<=${noiseAt([8, 4, 4, 8])}`];
    const bops = ['--bops', String(TWO_BITS)];
    expect(quantize(...noise).config).not.toBeNull();
    expect(quantize(...PAPER, ...bops).config).not.toBeNull();
    const together = quantize(...noise, ...bops);
    expect(together.config).toBeNull();
    expect(together.stderr).toMatch(
      /No allocation keeps .*noise.* together, although each alone can be kept/,
    );
    expect(together.stderr).toContain(`${TWO_BITS.toLocaleString('en')} bit operations`);
    const alone = quantize(...PAPER, '--size', '1KB', '--bops', '1k');
    expect(alone.stderr).toMatch(/within 1,000 bytes.*within 1,000 bit operations/);
  });

  it('--rule by operator and by name; one that matches nothing is an error', () => {
    const args = ['--avg-bits', '6', '--rule', 'op:Gemm=6', '--rule', '*conv1=4-5'];
    const bits = bitsOf(configOf(quantize(...PAPER, ...args)));
    expect(bits.fc).toBe(6);
    expect([4, 5]).toContain(bits['block.conv1']);
    expect(quantize(...PAPER, '--avg-bits', '6', '--rule', '*attn*=8').stderr).toContain(
      'No function matches the rule "*attn*"',
    );
  });

  it('--tie gives its functions the same bits', () => {
    for (const average of ['4.2', '5', '5.8', '6.6']) {
      const bits = bitsOf(configOf(quantize(...PAPER, '--avg-bits', average, '--tie', '*conv1,*conv2')));
      expect(bits['block.conv1']).toBe(bits['block.conv2']);
    }
  });

  it('--quality noise finds the smallest file that keeps it', () => {
    const oneAtTwo = Math.min(noiseAt([8, 2, 8, 8]), noiseAt([8, 8, 2, 8]));
    const limit = (oneAtTwo + noiseAt([8, 2, 2, 8])) / 2;
    const config = configOf(quantize('--quality', `noise<=${limit}`));
    const bits = config.functions.map((f) => f.bits);
    expect(noiseAt(bits)).toBeLessThanOrEqual(limit);
    // Layers as small as these are stored in bytes above two bits, so that only two bits make the file smaller.
    const atTwo = bits.filter((b) => b === 2).length;
    expect(atTwo).toBe(1);
    expect(noiseAt([8, 2, 2, 8])).toBeGreaterThan(limit);
    expect(quantize('--quality', 'kl>=1').stderr).toContain('Expected, for example, noise<=0.3');
  });

  it('--quality keeps the other limits, too, however it is measured', () => {
    for (const quality of ['noise<=0.0002', 'sqnr>=30']) {
      const { status, stderr } = quantize('--quality', quality, '--widths', '2,8', '--avg-bits', '4');
      expect(stderr).toMatch(
        /No allocation keeps 4 bits on average and an? .* together, although each alone/,
      );
      expect(status).toBe(3);
    }
    const config = configOf(quantize('--quality', 'sqnr>=5', '--avg-bits', '7.5'));
    expect(config.allocation.limits).toEqual({ averageBits: 7.5 });
    expect(config.totals.averageBits).toBeLessThanOrEqual(7.5);
  });

  it('--quality out of reach is infeasible', () => {
    for (const [quality, says] of [
      ['sqnr>=200', 'No file reaches an SQNR of 200 dB'],
      ['noise<=1e-9', 'Raise the limit or allow wider bit-widths.'],
    ]) {
      const { status, stderr } = quantize('--quality', quality);
      expect(stderr).toContain(says);
      expect(status).toBe(3);
    }
  });

  it('--quality is given once, and decides by noise', () => {
    const twice = quantize('--quality', 'kl<=1', '--quality', 'kl<=2');
    expect(twice).toMatchObject({ status: 2, stderr: expect.stringContaining('given once') as string });
    const paper = quantize(...PAPER, '--quality', 'kl<=1');
    expect(paper).toMatchObject({ status: 2, stderr: expect.stringContaining('leave out one') as string });
  });

  it.each([
    ['--avg-bits', '99', 'a number from 1 to 32'],
    ['--avg-bits', '33', 'a number from 1 to 32'],
    ['--ratio', '0.5', 'a number of at least 1'],
  ])('%s %s, which no config can hold, is wrong usage', (option, value, says) => {
    const { status, stderr } = quantize(...PAPER, option, value);
    expect(stderr).toContain(says);
    expect(status).toBe(2);
  });

  it('--bootstrap tells how often each function keeps its bits', () => {
    const without = quantize('--objective', 'noise-aware', '--avg-bits', '5', '--bootstrap', '10');
    expect(configOf(without).robustness).toBeUndefined();
    expect(without.stderr).toContain(
      '--bootstrap has no effect: the noise-aware objective does not use scores',
    );
    const { robustness } = configOf(quantize(...PAPER, '--avg-bits', '5', '--bootstrap', '10'));
    expect(robustness?.draws).toBe(10);
    expect(robustness?.kept).toHaveLength(4);
    // Pinned bits do not depend on the samples.
    expect(robustness?.kept[0]).toBe(1);
    for (const share of robustness!.kept) expect(Math.round(share * 10)).toBeCloseTo(share * 10, 9);
  });
});

describe('ompq pareto', () => {
  const pareto = (...args: string[]) =>
    spawnSync(process.execPath, [resolve('dist/cli.js'), 'pareto', ...args], { encoding: 'utf8' });

  it('gives rising optima, through the allocation of the config itself', () => {
    const model = save(tinyCnn(), 'net.onnx');
    const job = ['--synthetic', '--samples', '8', '--no-cache', ...PAPER, '--size', '4.2KB'];
    const cli = resolve('dist/cli.js');
    expect(spawnSync(process.execPath, [cli, 'quantize', model, ...job]).status).toBe(0);
    const path = model.replace(/\.onnx$/, '.ompq.json');
    const own = parseConfig(readFileSync(path, 'utf8'), 'net');
    const [curve] = JSON.parse(pareto(path, '--json').stdout) as {
      isWhole: boolean;
      points: { bytes: number; objective: number }[];
    }[];
    expect(curve.isWhole).toBe(true);
    curve.points.slice(1).forEach((point, i) => {
      expect(point.bytes).toBeGreaterThan(curve.points[i].bytes);
      expect(point.objective).toBeGreaterThan(curve.points[i].objective);
    });
    const within = curve.points.filter((point) => point.bytes <= 4200);
    expect(within.at(-1)?.objective).toBeCloseTo(own.solver.objective, 6);
    expect(pareto(path, '--csv').stdout.trim().split('\n')).toHaveLength(curve.points.length + 1);
    expect(pareto(model).stderr).toContain('is a model: give its config');
  });

  it('prints noise as quantize does, with the bits of the activations where they were searched', () => {
    const model = save(tinyCnn(), 'net.onnx');
    const job = ['--synthetic', '--samples', '8', '--no-cache', '--avg-bits', '6', '--objective'];
    const cli = resolve('dist/cli.js');
    const run = (...args: string[]) => spawnSync(process.execPath, [cli, 'quantize', model, ...job, ...args]);
    const path = model.replace(/\.onnx$/, '.ompq.json');
    expect(run('noise-aware', '--act-widths', '4,8').status).toBe(0);
    const read = (): { objective: string; points: { objective: number; activationBits?: number[] }[] } =>
      (JSON.parse(pareto(path, '--json', '--points', '5').stdout) as [ReturnType<typeof read>])[0];
    const searched = read().points;
    for (const { objective, activationBits } of searched) {
      expect(objective).toBeGreaterThanOrEqual(0);
      expect(activationBits).toHaveLength(4);
    }
    expect(searched.at(-1)!.objective).toBeLessThan(searched[0].objective);
    expect(pareto(path, '--csv').stdout).toMatch(/^config,.*,activation_bits\n/);
    // One width for all is no curve.
    expect(run('uniform').status).toBe(0);
    expect(read().objective).toBe('orthogonality');
  });
});
