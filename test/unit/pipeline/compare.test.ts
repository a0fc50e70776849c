import { expect, test } from 'vitest';
import { LIGHT } from '../../../src/config/bitColours';
import { editConfig } from '../../../src/config/edit';
import { compareConfigs } from '../../../src/pipeline/compare';
import { reportAsHtml } from '../../../src/pipeline/report/html';
import { exampleConfig, exampleInspect } from '../features/bitMap/example';

const a = exampleConfig();
const { size } = exampleInspect(a);
const { name, bits, bytes } = a.functions[2];
const b = editConfig(a, new Map([[name, { bits: bits === 8 ? 2 : 8 }]]), size, []);

test('two configs side by side: the layers that differ, with their bytes, and what both come to', () => {
  const compared = compareConfigs(a, b);
  const other = b.functions[2];
  expect(compared.changed).toEqual([
    expect.objectContaining({ name, a: bits, b: other.bits, bytes: other.bytes - bytes }),
  ]);
  expect(compared.b).toMatchObject({ bytes: b.totals.bytes, averageBits: b.totals.averageBits });
  expect(compareConfigs(a, a).changed).toEqual([]);
});

test('configs of two models cannot be compared', () => {
  const stranger = { ...b, functions: b.functions.map((f) => ({ ...f, name: `${f.name}'` })) };
  expect(() => compareConfigs(a, stranger)).toThrow();
});

test('a report on white paper has the colours of a light page', () => {
  const layers = a.functions.map((f) => ({
    name: f.name,
    bits: f.bits,
    bytes: f.bytes,
    noiseShare: null,
    why: '',
    findings: [],
  }));
  const page = reportAsHtml({
    configPath: 'x.ompq.json',
    config: a,
    layers,
    pins: null,
    curve: [],
    orm: null,
    evaluation: null,
  });
  for (const f of a.functions) expect(page).toContain(`fill="${LIGHT[f.bits]}"`);
});
