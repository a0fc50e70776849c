/** Palettization config of coremltools: OptimizationConfig.from_yaml reads it (JSON is YAML). */
import type { Layer } from '../../onnx/network/network';
import { FormatError } from '../errors';
import { type Format } from '../format';
import { isObject } from '../../common/isObject';
import { parseObject, widthOf } from '../json';
import { functionBits, layerBits, Losses } from '../layers';
import { foreignNames, type NameMap, torchModule } from '../names';

const WIDTHS = [1, 2, 3, 4, 6, 8];
const WHAT = 'name of a Core ML op';

/** What the converter appends to constants of a float16 model. */
const HALF = '_to_fp16';

export const coreml: Format = {
  id: 'coremltools',
  title: 'coremltools op_name_configs',
  use: 'coremltools.optimize.coreml.palettize_weights, through OptimizationConfig.from_yaml',
  suffix: '.coreml.json',

  write(context) {
    const { network, names } = context;
    const ops = foreignNames(network, names, weightName, WHAT);
    const losses = new Losses('Core ML palettization');
    const configs = layerBits(context).flatMap(({ layer, bits }) => {
      const nbits = losses.fit(layer.node, bits, WIDTHS);
      // By default it passes over tensors of up to 2048 elements.
      const config = nbits === null ? null : { mode: 'kmeans', nbits, weight_threshold: 0 };
      const name = ops.get(layer) as string;
      // The float16 model is the converter's default; names that a model does not have are passed over.
      const all = isGuess(layer, names) ? [name, name + HALF] : [name];
      return all.map((each): [string, unknown] => [each, config]);
    });
    const lines = Object.entries(Object.fromEntries(configs) as Record<string, unknown>).map(
      ([name, config]) => `    ${JSON.stringify(name)}: ${JSON.stringify(config)}`,
    );
    const guessed = [...ops.keys()].some((layer) => isGuess(layer, names));
    return {
      content: `{\n  "config_type": "OpPalettizerConfig",\n  "op_name_configs": {\n${lines.join(',\n')}\n  }\n}\n`,
      warnings: [
        ...losses.warnings,
        ...(layerBits(context).some(({ bits }) => bits === 3)
          ? ['Three bits need a Core ML model for iOS 18 or macOS 15 (minimum_deployment_target).']
          : []),
        ...(guessed
          ? [
              "The names are those of PyTorch's weights. coremltools passes over what it does not find, and its converter " +
                'renames the weights of folded batch normalization: compare with get_weights_metadata(model), and ' +
                'give the names that differ in a name map.',
            ]
          : []),
      ],
    };
  },

  read(text, { network, names }) {
    const { op_name_configs: configs } = parseObject(text);
    if (!isObject(configs)) throw new FormatError('holds no "op_name_configs" of coremltools.');
    const ops = foreignNames(network, names, weightName, WHAT);
    const found = new Map(
      Object.entries(configs).map(([name, config]) => [
        name,
        config === null ? 32 : widthOf(isObject(config) ? config.nbits : null, name),
      ]),
    );
    const plain = (name: string): string => (name.endsWith(HALF) ? name.slice(0, -HALF.length) : name);
    return functionBits(found, (name) =>
      network.functions
        .filter((f) => f.layers.some((layer) => [name, plain(name)].includes(ops.get(layer) as string)))
        .map((f) => f.name),
    );
  },
};

function isGuess({ node, weight }: Layer, names: NameMap): boolean {
  return !names.has(node) && !names.has(weight);
}

/** Core ML's name for the weights of a PyTorch module: "layer1_0_conv1_weight". */
function weightName(layer: Layer): string | null {
  const module = torchModule(layer);
  return module && `${module.replaceAll(/\W/g, '_')}_weight`;
}
