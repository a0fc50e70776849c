/** `ompq latency`: parts that make up the networks' run times, on branches that the data take, too. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LatencyReply } from '../../src/engine/protocol';
import { sileroV5 } from '../support/models/thirdparty';
import { runCommand } from './command';
import { scratch } from './harness';

async function latency(model: string, ...args: string[]): Promise<{ reply: LatencyReply; stderr: string }> {
  const out = join(scratch(), 'table.json');
  const { code, stderr } = await runCommand(['latency', model, '--out', out, ...args]);
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  return { reply: JSON.parse(readFileSync(out, 'utf8')) as LatencyReply, stderr };
}

const total = ({ functions, rest }: LatencyReply, width: 8 | 32): number =>
  Object.values(functions).reduce((sum, times) => sum + times[width], rest);

describe('ompq latency', () => {
  it('says that a residual network runs faster on integers, as it does', async () => {
    const { reply } = await latency(resolve('examples/resnet_cifar10.onnx'), '--synthetic');
    expect(total(reply, 32) / reply.whole).toBeCloseTo(1, 2);
    // Half in measurements; layers timed alone had said 95 %.
    expect(total(reply, 8)).toBeLessThan(0.85 * reply.whole);
    for (const times of Object.values(reply.functions)) {
      expect(times[8]).toBeGreaterThan(0);
      expect(times[32]).toBeGreaterThan(0);
    }
  });

  it.each([16000, 8000])('times the branch that --value sr=%d takes', async (rate) => {
    const { reply, stderr } = await latency(sileroV5.path, '--synthetic', '--value', `sr=${rate}`);
    const branch = rate === 16000 ? /then_branch/ : /else_branch/;
    expect(Object.keys(reply.functions)).not.toHaveLength(0);
    for (const [name, times] of Object.entries(reply.functions)) {
      expect(name).toMatch(branch);
      expect(times[32]).toBeGreaterThan(0);
      // Layers in a branch keep float activations.
      expect(times[8]).toBe(times[32]);
    }
    expect(stderr).toContain('floats stand for them');
  });
});
