import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BitWidth } from '../../../../src/core/problem/widths';
import { FormatError } from '../../../../src/interop/errors';
import { READABLE, recognize } from '../../../../src/interop/formats/formats';
import { parseNameMap } from '../../../../src/interop/names';
import { transformer } from '../../../support/models/zoo';
import { contextOf, residualNet } from './networks';

const none = new Map<string, string>();
const { network } = contextOf(residualNet(), [4]);
const names = network.functions.map((f) => f.name);
const reader = (id: string) => READABLE.find((f) => f.id === id)!;
const read = (id: string, value: unknown) =>
  reader(id).read(typeof value === 'string' ? value : JSON.stringify(value), { network, names: none });

/** Widths that a format writes as they are. */
const EXACT: Record<string, BitWidth[]> = {
  brecq: [2, 3, 4, 5, 6, 7, 8],
  aimet: [2, 3, 4, 5, 6, 7, 8, 16],
  'aimet-0.6.1': [2, 3, 4, 5, 6, 7, 8, 16],
  modelopt: [2, 3, 4, 5, 6, 7, 8],
  coremltools: [2, 3, 4, 6, 8, 32],
  csv: [2, 3, 4, 5, 6, 7, 8, 16, 32],
};

describe('written and read again', () => {
  it.each(READABLE.map((f) => [f.id, f] as const))('%s has the same bits', (id, format) => {
    for (const model of [residualNet(), transformer()]) {
      const widths = fc.array(fc.constantFrom(...EXACT[id]), { minLength: 8, maxLength: 8 });
      fc.assert(
        fc.property(widths, (bits) => {
          const context = contextOf(model, bits);
          const text = format.write(context).content as string;
          const found = format.read(text, context);
          expect(found.unknown).toEqual([]);
          expect(found.warnings).toEqual([]);
          expect([...found.bits].sort()).toEqual(
            context.config.functions.map((f) => [f.name, f.bits]).sort(),
          );
          const recognized = recognize(text);
          expect(recognized && recognized.read(text, context)).toEqual(found);
        }),
        { numRuns: 20 },
      );
    }
  });

  it('with a name map, too', () => {
    const map = parseNameMap('{"conv1": "stem", "fc": "head"}');
    for (const id of ['modelopt', 'coremltools']) {
      const context = { ...contextOf(residualNet(), [4, 8]), names: map };
      const text = reader(id).write(context).content as string;
      expect(reader(id).read(text, context).bits.get('fc')).toBe(4);
      expect(reader(id).read(text, { network, names: none }).unknown.join()).toMatch(/stem.*head/);
    }
  });
});

describe('other tools’ own files', () => {
  it('AIMET: tensors that are no weights are listed, other channels and activations passed over', () => {
    const { bits, unknown } = read('aimet', {
      version: '1.0.0',
      activation_encodings: [{ name: 'image', bw: 8 }],
      param_encodings: [
        { name: 'conv1.weight', dtype: 'INT', bw: 4, scale: [1], offset: [-8] },
        { name: 'conv1.bias', dtype: 'INT', bw: 32 },
        { name: 'fc.weight', dtype: 'FLOAT', bw: 32 },
      ],
    });
    expect([...bits]).toEqual([
      ['conv1', 4],
      ['fc', 32],
    ]);
    expect(unknown).toEqual(['conv1.bias']);
  });

  it('ModelOpt: wildcards, later entries over earlier ones, the older dict, floats', () => {
    const entries = [
      { quantizer_name: '*', enable: false },
      { quantizer_name: '*weight_quantizer', cfg: { num_bits: 8, axis: 0 } },
      { quantizer_name: '*input_quantizer', cfg: { num_bits: 8 } },
      { quantizer_name: 'layer1.?.conv1.weight_quantizer', cfg: [{ num_bits: 4 }, { num_bits: [4, 3] }] },
      { quantizer_name: 'fc.weight_quantizer', enable: false },
      { quantizer_name: 'decoder.weight_quantizer', cfg: { num_bits: 2 } },
    ];
    const { bits, unknown } = read('modelopt', { quant_cfg: entries, algorithm: 'max' });
    expect(Object.fromEntries(bits)).toEqual(
      Object.fromEntries(
        names.map((name) => [name, name === 'fc' ? 32 : /layer1\..\.conv1/.test(name) ? 4 : 8]),
      ),
    );
    expect(unknown).toEqual(['decoder.weight_quantizer']);
    const old = read('modelopt', {
      quant_cfg: { '*conv1.weight_quantizer': { num_bits: [4, 3], axis: 0 }, '*lm_head*': { enable: false } },
    });
    expect([...old.bits.values()]).toEqual([8, 8, 8]);
  });

  it('rounds widths up that cannot be stored, and takes the wider of two', () => {
    const rounded = read('csv', 'function,bits\nconv1,1\nfc,9\nfc2,4\n');
    expect([...rounded.bits]).toEqual([
      ['conv1', 2],
      ['fc', 16],
    ]);
    expect(rounded.unknown).toEqual(['fc2']);
    expect(rounded.warnings).toEqual([
      '"conv1" has 1 bits, which cannot be stored: 2 is taken.',
      '"fc" has 9 bits, which cannot be stored: 16 is taken.',
    ]);
    const shortcut = read('aimet', {
      param_encodings: [
        { name: 'layer1.0.conv2.weight', bw: 3 },
        { name: 'layer1.0.downsample.0.weight', bw: 6 },
      ],
    });
    expect([...shortcut.bits.values()]).toEqual([6]);
    expect(shortcut.warnings[0]).toMatch(/layers of 3 and 6 bits: the wider is taken/);
  });
});

describe('files that are something else', () => {
  const TEXTS = [
    '',
    '{',
    '[]',
    'null',
    '3',
    '{}',
    '[1, 2]',
    '[1,,2]',
    '{"param_encodings": 4}',
    '{"param_encodings": [4]}',
    '{"param_encodings": {"conv1.weight": []}}',
    '{"param_encodings": [{"name": "conv1.weight", "bw": "four"}]}',
    '{"param_encodings": [{"name": "conv1.weight", "bw": -1}]}',
    '{"quant_cfg": [{"quantizer_name": "*weight_quantizer", "cfg": {"num_bits": 4.5}}]}',
    '{"quant_cfg": [[]]}',
    '{"op_name_configs": []}',
    '{"op_name_configs": {"a": {"nbits": null}}}',
    'function,bits\nconv1,\n',
    'function,bits\nconv1,many\n',
    'function,bits\n"conv1,4\n',
    'a,b\n1,2\n',
    '\0\0\0',
  ];

  it.each(READABLE.map((f) => [f.id, f] as const))('%s says so in one sentence', (_, format) => {
    for (const text of TEXTS) {
      expect(() => format.read(text, { network, names: none }), text).toThrow(FormatError);
    }
  });

  it('are recognized by nobody', () => {
    for (const text of ['', 'hello', '{}', 'a,b\n', '\0']) expect(recognize(text), text).toBeUndefined();
  });
});
