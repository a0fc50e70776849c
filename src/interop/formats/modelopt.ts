/** Quantization config of NVIDIA's Model Optimizer: what mtq.quantize takes. */
import { FormatError } from '../errors';
import { type Format } from '../format';
import { isObject } from '../../common/isObject';
import { parseObject, widthOf } from '../json';
import { functionBits, layerBits, Losses } from '../layers';
import { foreignNames, torchModule } from '../names';

const WIDTHS = [2, 3, 4, 5, 6, 7, 8];
const SUFFIX = 'weight_quantizer';
const WHAT = 'PyTorch module';

export const modelopt: Format = {
  id: 'modelopt',
  title: 'ModelOpt quant_cfg',
  use: 'NVIDIA Model Optimizer: mtq.quantize(model, json.load(open(file)), forward_loop)',
  suffix: '.modelopt.json',

  write(context) {
    const modules = foreignNames(context.network, context.names, torchModule, WHAT);
    const losses = new Losses('ModelOpt');
    const seen = new Set<string>();
    const entries = layerBits(context).flatMap(({ layer, bits }): object[] => {
      const name = `${modules.get(layer)}.${SUFFIX}`;
      const width = losses.fit(layer.node, bits, WIDTHS);
      if (width === null || seen.has(name)) return [];
      seen.add(name);
      return [{ quantizer_name: name, cfg: { num_bits: width, axis: 0 }, enable: true }];
    });
    // Later entries win: everything off first, activations included.
    const all = [{ quantizer_name: '*', enable: false }, ...entries];
    const lines = all.map((entry) => `    ${JSON.stringify(entry)}`);
    return {
      content: `{\n  "quant_cfg": [\n${lines.join(',\n')}\n  ],\n  "algorithm": "max"\n}\n`,
      warnings: losses.warnings,
    };
  },

  read(text, { network, names }) {
    const modules = foreignNames(network, names, torchModule, WHAT);
    const rules = rulesOf(parseObject(text).quant_cfg);
    const found = new Map<string, number>();
    const functionsOf = (pattern: RegExp) =>
      network.functions.flatMap((f) =>
        f.layers.some((layer) => pattern.test(`${modules.get(layer)}.${SUFFIX}`)) ? [f.name] : [],
      );
    const bits = new Map<string, number>();
    const unknown = new Map<string, number>();
    for (const { name, bits: width } of rules) {
      const functions = functionsOf(wildcard(name));
      for (const f of functions) bits.set(f, width);
      // Entries for other quantizers (activations, norms) are none of ours.
      if (functions.length === 0 && name.endsWith(SUFFIX) && width !== 32) unknown.set(name, width);
    }
    for (const [name, width] of [...bits, ...unknown]) found.set(name, width);
    return functionBits(found, (name) => (bits.has(name) ? [name] : []));
  },
};

interface Rule {
  name: string;
  /** 32: off. */
  bits: number;
}

/** Entries in the order in which they apply; the older dict form, too. */
function rulesOf(value: unknown): Rule[] {
  const entries: unknown[] = isObject(value)
    ? Object.entries(value).map(([name, cfg]) => ({
        quantizer_name: name,
        cfg,
        enable: isObject(cfg) ? cfg.enable : true,
      }))
    : Array.isArray(value)
      ? value
      : [];
  const rules = entries.flatMap((entry): Rule[] => {
    if (!isObject(entry) || typeof entry.quantizer_name !== 'string') return [];
    const { quantizer_name: name, enable } = entry;
    // A sequence of formats (such as int4 under fp8 scales): the first holds the weights.
    const cfg: unknown = Array.isArray(entry.cfg) ? entry.cfg[0] : entry.cfg;
    if (enable === false) return [{ name, bits: 32 }];
    const numBits = isObject(cfg) ? cfg.num_bits : undefined;
    if (numBits === undefined) return [];
    // (exponent, mantissa): a float of one more bit than both.
    const bits = Array.isArray(numBits)
      ? 1 + Number(numBits[0]) + Number(numBits[1])
      : widthOf(numBits, name);
    return [{ name, bits }];
  });
  if (rules.length === 0) throw new FormatError('holds no "quant_cfg" of ModelOpt with num_bits in it.');
  return rules;
}

/** Python's fnmatch. */
function wildcard(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}
