import { describe, expect, it } from 'vitest';
import { parseNpyHeader } from '../../../../src/calibration/numpy/npy';
import type { BitWidth } from '../../../../src/core/problem/widths';
import { FormatError } from '../../../../src/interop/errors';
import { type Format } from '../../../../src/interop/format';
import { formatOf, FORMATS } from '../../../../src/interop/formats/formats';
import { parseNameMap } from '../../../../src/interop/names';
import type { Network } from '../../../../src/onnx/network/network';
import { mobilenetV2, resnet18, tinyCnn, transformer } from '../../../support/models/zoo';
import { contextOf, namesIn, residualNet } from './networks';

const BITS: BitWidth[] = [8, 4, 3, 5, 16];
const textOf = (format: Format, context: Parameters<Format['write']>[0]): string =>
  format.write(context).content as string;
const keys = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((m) => m[1]);
const byId = (id: string): Format => formatOf(id, FORMATS);

describe('every format', () => {
  it.each(
    FORMATS.filter((f) => f.id !== 'orm-npy' && f.id !== 'onnxruntime-matmul').map((f) => [f.id, f] as const),
  )('%s looks as its tool reads it', (_, format) => {
    const { content, warnings } = format.write(contextOf(residualNet(), BITS));
    expect(content).toMatchSnapshot();
    expect(warnings).toMatchSnapshot();
  });

  it('has an id and a file name of its own', () => {
    expect(new Set(FORMATS.map((f) => f.id)).size).toBe(FORMATS.length);
    expect(new Set(FORMATS.map((f) => f.suffix)).size).toBe(FORMATS.length);
    expect(() => byId('tensorflow')).toThrow(/no format "tensorflow"; there are hawq, brecq/);
  });
});

describe('names', () => {
  const context = contextOf(residualNet(), BITS);
  const { nodes, weights } = namesIn(context);

  it('of tensors are initializers of the model, each once', () => {
    const aimet = JSON.parse(textOf(byId('aimet'), context)) as { param_encodings: { name: string }[] };
    expect(aimet.param_encodings.map((e) => e.name)).toEqual(weights);
    const old = JSON.parse(textOf(byId('aimet-0.6.1'), context)) as { param_encodings: object };
    expect(Object.keys(old.param_encodings)).toEqual(weights);
    const overrides = keys(textOf(byId('onnxruntime'), context), /^ {4}"(.+)": \[/gm);
    expect(overrides).toEqual(weights.slice(0, -1));
  });

  it('of nodes are nodes of the model', () => {
    const { content } = byId('onnxruntime').write(context);
    expect(keys(content as string, /^ {4}"(.+)",$/gm)).toEqual([nodes[nodes.length - 1]]);
    const mixed = contextOf(transformer(), [4, 8, 2, 32]);
    const own = namesIn(mixed).nodes;
    const nncf = keys(textOf(byId('nncf'), mixed), /^ {4}"(.+)",$/gm);
    expect(nncf.length).toBeGreaterThan(own.length);
    for (const name of nncf) expect(own).toContain(name);
    const matmul = textOf(byId('onnxruntime-matmul'), mixed);
    const matmuls = keys(matmul, /^ {4}"(.+?)"[:,]/gm);
    expect(matmuls.sort()).toEqual(own.filter((name) => name !== 'head').sort());
  });

  it('of modules are those the PyTorch model has', () => {
    const modules = weights.map((name) => name.replace(/\.weight$/, ''));
    const modelopt = keys(textOf(byId('modelopt'), context), /"quantizer_name":"(.+?)\.weight_quantizer"/g);
    const brevitas = keys(textOf(byId('brevitas'), context), /^ {4}"(.+)": \d+,$/gm);
    expect(modelopt).toEqual(modules.slice(0, -1));
    expect(brevitas).toEqual(modules.slice(0, -1));
  });

  it('come from the name map where it has them', () => {
    const names = parseNameMap('{"conv1": "backbone.stem"}');
    expect(textOf(byId('brevitas'), { ...context, names })).toContain('"backbone.stem": 8,');
    expect(textOf(byId('coremltools'), { ...context, names })).toContain('"backbone.stem": {"mode"');
  });

  it('that the model does not have, or that are missing, are an error that names them', () => {
    const wrong = parseNameMap('{"conv7": "x", "conv8": "y"}');
    expect(() => byId('modelopt').write({ ...context, names: wrong })).toThrow(
      'The name map refers to unknown layers: "conv7" and "conv8".',
    );
    expect(() => byId('hawq').write(contextOf(tinyCnn(), [4]))).toThrow(
      /^No module of the HAWQ network is known for "stem", "block\.conv1" and "block\.conv2": give a name map/,
    );
    const twice = parseNameMap('{"conv1": "a", "fc": "a"}');
    expect(() => byId('modelopt').write({ ...context, names: twice })).toThrow(
      '"conv1" and "fc" would both be called "a"',
    );
  });

  it.each(['[]', '3', '{"a": 1}', '{"a": ""}', '{', 'null'])('map %s is refused', (text) => {
    expect(() => parseNameMap(text)).toThrow(FormatError);
  });
});

describe('what a format cannot say', () => {
  it('is rounded up, and said', () => {
    const { warnings } = byId('onnxruntime').write(contextOf(residualNet(), BITS));
    expect(warnings).toEqual([
      'onnxruntime cannot express 3 bits: 4 bits are written for "layer1.0.conv2" and "layer1.0.downsample.0".',
      'onnxruntime cannot express 5 bits: 8 bits are written for "layer1.1.conv1".',
      'onnxruntime cannot express 16 bits: float is written for "fc".',
    ]);
    expect(byId('csv').write(contextOf(residualNet(), BITS)).warnings).toEqual([]);
  });

  it('is nothing for bits that it has', () => {
    for (const id of ['onnxruntime', 'aimet', 'aimet-0.6.1', 'modelopt', 'brevitas', 'hawq', 'csv']) {
      expect(byId(id).write(contextOf(residualNet(), [4, 8])).warnings, id).toEqual([]);
    }
  });

  it('is an error where nothing is left', () => {
    expect(() => byId('onnxruntime-matmul').write(contextOf(residualNet(), [4]))).toThrow(/no MatMul/);
    expect(() => byId('nncf').write(contextOf(residualNet(), [32]))).toThrow(/nothing to write/);
  });
});

describe('AIMET', () => {
  it('has a scale and an offset of -2^(b-1) per channel', () => {
    const context = contextOf(residualNet(), [3]);
    const { param_encodings: params } = JSON.parse(textOf(byId('aimet'), context)) as {
      param_encodings: { name: string; bw: number; scale: number[]; offset: number[] }[];
    };
    const layers = context.network.functions.flatMap((f) => f.layers);
    for (const [i, { bw, scale, offset }] of params.entries()) {
      const channels = layers[i].weightShape[layers[i].channelAxis];
      expect(bw).toBe(3);
      expect(scale).toEqual(Array.from({ length: channels }, (_, c) => (c + 1) / 64));
      expect(offset).toEqual(new Array(channels).fill(-4));
    }
  });

  it('0.6.1 has the range of the codes', () => {
    const old = JSON.parse(textOf(byId('aimet-0.6.1'), contextOf(residualNet(), [3]))) as {
      param_encodings: Record<string, { scale: number; min: number; max: number }[]>;
    };
    for (const channels of Object.values(old.param_encodings)) {
      for (const { scale, min, max } of channels) expect([min, max]).toEqual([-4 * scale, 3 * scale]);
    }
  });
});

describe('HAWQ', () => {
  /** As torchvision calls them: with the shortcuts' Sequential. */
  function names(network: Network): Map<string, string> {
    const nodes = network.functions.flatMap((f) => f.layers.map((layer) => layer.node));
    return new Map(
      nodes
        .filter((node) => node.endsWith('downsample'))
        .map((node) => {
          const [, stage, unit] = /layer(\d)\.(\d)/.exec(node) as RegExpExecArray;
          return [node, `stage${stage}.unit${Number(unit) + 1}.quant_identity_convbn`];
        }),
    );
  }

  it('lists every module of its ResNet-18, weights and activations', () => {
    const context = contextOf(resnet18({ width: 0.125, size: 32 }), [4], 'models/resnet18.onnx');
    const text = textOf(byId('hawq'), { ...context, names: names(context.network) });
    expect(text).toContain('"bit_config_resnet18_ompq": {');
    const entries = keys(text, /^ {8}"(.+)": \d+,$/gm);
    const units = [1, 2, 3, 4].flatMap((stage) =>
      [1, 2].flatMap((unit) =>
        ['quant_act', 'quant_convbn1', 'quant_act1', 'quant_convbn2', 'quant_act_int32']
          .concat(stage > 1 && unit === 1 ? ['quant_identity_convbn'] : [])
          .map((name) => `stage${stage}.unit${unit}.${name}`),
      ),
    );
    const ends = [
      'quant_input',
      'quant_init_block_convbn',
      'quant_act_int32',
      'quant_act_output',
      'quant_output',
    ];
    expect(entries.sort()).toEqual([...units, ...ends].sort());
  });

  it('numbers the blocks of torchvision’s MobileNetV2 as it does', async () => {
    const { hawqNames } = await import('../../../../src/interop/formats/hawqNames');
    const paths = ['features.0.0', 'features.1.conv.0.0', 'features.1.conv.1'];
    for (let i = 2; i <= 17; i++) {
      paths.push(`features.${i}.conv.0.0`, `features.${i}.conv.1.0`, `features.${i}.conv.2`);
    }
    const found = hawqNames([...paths, 'features.18.0', 'classifier.1', 'features.19.conv.0.0']);
    expect(found.slice(0, 4)).toEqual([
      'init_block',
      'features.stage1.unit1.conv2',
      'features.stage1.unit1.conv3',
      'features.stage2.unit1.conv1',
    ]);
    expect(found.slice(-6)).toEqual([
      'features.stage5.unit4.conv1',
      'features.stage5.unit4.conv2',
      'features.stage5.unit4.conv3',
      'features.final_block',
      'output',
      null,
    ]);
    expect(new Set(found).size).toBe(found.length);
  });
});

describe('BRECQ', () => {
  it('warns of networks that it would hand the bits out wrongly to', () => {
    const write = (context: ReturnType<typeof contextOf>) => byId('brecq').write(context);
    expect(write(contextOf(resnet18({ width: 0.125, size: 32 }), [4])).warnings).toEqual([]);
    expect(write(contextOf(mobilenetV2({ width: 0.125, size: 32 }), [4])).warnings).toEqual([]);
    expect(write(contextOf(residualNet(), [4])).warnings).toHaveLength(1);
  });

  it('has one integer per function, in network order', () => {
    const context = contextOf(resnet18({ width: 0.125, size: 32 }), [8, 4, 3]);
    expect(JSON.parse(textOf(byId('brecq'), context))).toEqual(context.config.functions.map((f) => f.bits));
  });
});

describe('the ORM matrix', () => {
  it('is a NumPy file of float64', () => {
    const context = contextOf(residualNet(), [4]);
    const file = Buffer.from(byId('orm-npy').write(context).content as Uint8Array);
    const header = parseNpyHeader(file, file.length, 'orm.npy');
    expect(header).toMatchObject({ shape: [5, 5] });
    const start = file.length - 25 * 8;
    expect(start % 64).toBe(0);
    expect(Array.from({ length: 25 }, (_, i) => file.readDoubleLE(start + 8 * i))).toEqual([...context.orm!]);
  });
});
