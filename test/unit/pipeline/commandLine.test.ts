/** A config as a command line, read back by the command itself. */
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { addBudgetOptions, allocationSettings, type BudgetFlags } from '../../../src/cli/budgetOptions';
import { addScoreOptions, type ScoreFlags } from '../../../src/cli/options';
import type { Config } from '../../../src/config/types';
import { commandLine, quantizeArguments, shellOf } from '../../../src/pipeline/commandLine';
import { exampleConfig } from '../features/bitMap/example';

async function readBack(config: Config) {
  const command = addScoreOptions(addBudgetOptions(new Command('quantize')))
    .argument('<MODEL>')
    .option('--out <FILE>')
    .exitOverride();
  command.parse(quantizeArguments(config, '/work dir/m.ompq.json'), { from: 'user' });
  const flags = command.opts<ScoreFlags & BudgetFlags & { out: string }>();
  return { flags, model: command.args[0], allocation: await allocationSettings(flags, command) };
}

it('says everything that the config was made with', async () => {
  const base = exampleConfig();
  const config: Config = {
    ...base,
    calibration: { ...base.calibration, seed: 3, preprocessing: { preset: 'raw', mean: [0.5], std: [0.25] } },
    scoring: { ...base.scoring, granularity: 'block', centered: false, decay: 'log', beta: 2 },
    allocation: {
      ...base.allocation,
      budget: { bytes: 26_500 },
      limits: { averageBits: 4.5, bops: 1e9 },
      widths: [2, 4, 8],
      pin: { first: 'auto', last: 6 },
      rules: { '*/attn/*': [4, 8], 'op:Gemm': 8 },
      ties: [['*/q', '*/k']],
      activationBits: 8,
    },
    functions: base.functions.map((f, i) => ({ ...f, lock: i === 1 })),
  };
  const { flags, model, allocation } = await readBack(config);
  expect(model).toBe('/work dir/m.onnx');
  expect(flags).toMatchObject({
    data: '/work dir/calibration',
    samples: 64,
    seed: 3,
    preset: 'raw',
    mean: [0.5],
    std: [0.25],
    shape: { input: [1, 3, 32, 32] },
    granularity: 'block',
    uncentered: true,
    decay: 'log',
    beta: 2,
    out: '/work dir/m.ompq.json',
  });
  expect(allocation).toMatchObject({
    objective: 'orthogonality',
    budget: { bytes: 26_500 },
    limits: { averageBits: 4.5, bops: 1e9 },
    widths: [2, 4, 8],
    pin: { first: 'auto', last: 6 },
    rules: { '*/attn/*': [4, 8], 'op:Gemm': 8 },
    ties: [['*/q', '*/k']],
    activationBits: 8,
    locks: { 'layer1/Conv': 4 },
  });
});

it.each([{ agreement: 0.985 }, { kl: 0.05 }, { sqnrDb: 20 }, { noise: 0.3 }])(
  'asks for the quality %j, not for the size that was found',
  async (quality) => {
    const base = exampleConfig();
    const { allocation } = await readBack({
      ...base,
      allocation: { ...base.allocation, objective: 'noise-aware', budget: { bytes: 5000 }, quality },
    });
    expect(allocation).toMatchObject({ budget: { ratio: 1 }, quality, limits: {} });
  },
);

it('is quoted for a shell, and says what it cannot say', () => {
  const base = exampleConfig();
  const { calibration } = base;
  const cropped = { ...calibration, preprocessing: { ...calibration.preprocessing, crop: 0.9 } };
  expect(commandLine('export', base, "/it's/m.ompq.json")).toBe("ompq export '/it'\\''s/m.ompq.json'");
  expect(commandLine('eval', base, '/a/m.ompq.json')).toMatch(
    /^ompq eval \/a\/m\.onnx \/a\/m\.quantized\.onnx --data \/a\/calibration --preset cifar10 /,
  );
  expect(commandLine('quantize', { ...base, calibration: cropped }, '/a/m.ompq.json')).toMatch(
    /# without the share that is cropped$/,
  );
});

it('is quoted for the shell that it is pasted into', () => {
  expect(shellOf('C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe')).toBe('powershell');
  expect(shellOf('/usr/bin/pwsh')).toBe('powershell');
  expect(shellOf('C:\\Windows\\System32\\cmd.exe')).toBe('cmd');
  for (const program of ['/bin/bash', '/usr/bin/fish', 'C:\\Program Files\\Git\\bin\\bash.exe', '']) {
    expect(shellOf(program)).toBe('posix');
  }
  const base = exampleConfig();
  const path = "/it's here/m.ompq.json";
  expect(commandLine('export', base, path)).toBe("ompq export '/it'\\''s here/m.ompq.json'");
  expect(commandLine('export', base, path, 'powershell')).toBe("ompq export '/it''s here/m.ompq.json'");
  expect(commandLine('export', base, path, 'cmd')).toBe('ompq export "/it\'s here/m.ompq.json"');
  const locked = { ...base, allocation: { ...base.allocation, widths: [2, 4, 8] as (2 | 4 | 8)[] } };
  expect(commandLine('quantize', locked, '/a/m.ompq.json', 'powershell')).toContain("--widths '2,4,8'");
  const cropped = { ...base.calibration, preprocessing: { preset: 'raw' as const, crop: 0.5 } };
  expect(commandLine('quantize', { ...base, calibration: cropped }, '/a/m.ompq.json', 'cmd')).toMatch(
    / & rem without the share that is cropped$/,
  );
});
