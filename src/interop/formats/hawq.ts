/** `bit_config.py` of HAWQ-V3 and of OMPQ's quantization-aware training. */
import { formatAverage } from '../../common/sizes';
import type { Layer } from '../../onnx/network/network';
import type { Format } from '../format';
import { activationsAround, hawqNames } from './hawqNames';
import { layerBits, Losses } from '../layers';
import { foreignNames, torchModule } from '../names';
import { pythonComment, pythonDict, pythonString } from '../python';

/** Weights that HAWQ's symmetric quantizer is used at. */
const WIDTHS = [2, 3, 4, 5, 6, 7, 8, 16];
/** Ours are weights only; HAWQ's integer arithmetic needs a width for the activations, too. */
const ACTIVATION_BITS = 8;

export const hawq: Format = {
  id: 'hawq',
  title: 'OMPQ / HAWQ bit_config',
  use: 'quantization-aware training with OMPQ or HAWQ-V3: add the entry to its bit_config.py',
  suffix: '.bit_config.py',

  write(context) {
    const { network, config, names } = context;
    const layers = network.functions.flatMap((f) => f.layers);
    const derived = hawqNames(layers.map(torchModule));
    const byLayer = new Map<Layer, string | null>(layers.map((layer, i) => [layer, derived[i]]));
    const modules = foreignNames(
      network,
      names,
      (layer) => byLayer.get(layer) ?? null,
      'module of the HAWQ network',
    );
    const losses = new Losses('HAWQ');
    const entries = new Map<string, number>();
    for (const { layer, bits } of layerBits(context)) {
      const module = modules.get(layer) as string;
      const { before, after } = activationsAround(module, ACTIVATION_BITS);
      for (const [name, width] of before) entries.set(name, width);
      // HAWQ quantizes every module: one that is left out would get its default of 4 bits.
      entries.set(module, losses.clamp(layer.node, bits, WIDTHS));
      for (const [name, width] of after) entries.set(name, width);
    }
    const scheme = `bit_config_${archOf(config.model.file)}_ompq`;
    const dict = pythonDict(
      [...entries].map(([name, width]) => [name, String(width)]),
      '    ',
    );
    const notes = pythonComment([
      `Weights of ${config.model.file}, ${formatAverage(config.totals.averageBits)} bits on average.`,
      `The activations' ${ACTIVATION_BITS} and 16 bits are HAWQ's own, not a result of OMPQ.`,
      `Used by quant_train.py with --arch ${archOf(config.model.file)} --quant-scheme ompq; rename the entry to fit your --arch.`,
    ]);
    return {
      content: `${notes}bit_config_dict = {\n    ${pythonString(scheme)}: ${dict},\n}\n`,
      warnings: losses.warnings,
    };
  },
};

/** "models/resnet18.onnx" -> "resnet18" */
function archOf(file: string): string {
  return file.replace(/^.*[\\/]/, '').replace(/\.onnx$/i, '');
}
