/** Bits per MatMul for onnxruntime's MatMulNBitsQuantizer: customized_weight_config. */
import { FormatError } from '../errors';
import { type Format } from '../format';
import { layerBits, Losses } from '../layers';
import { list } from '../names';
import { pythonComment, pythonDict, pythonList } from '../python';

const WIDTHS = [4, 8];
const GROUP = 32;

export const ortMatMul: Format = {
  id: 'onnxruntime-matmul',
  title: 'onnxruntime MatMul weights (customized_weight_config)',
  use: 'onnxruntime.quantization.MatMulNBitsQuantizer: 4 and 8 bits for the weights of MatMul nodes',
  suffix: '.matmul_weights.py',

  write(context) {
    const layers = layerBits(context);
    // It quantizes the right operand only: two axes, output channels in the last.
    const fits = layers.filter(
      ({ layer: { op, weightShape, channelAxis } }) =>
        op === 'MatMul' && weightShape.length === 2 && channelAxis === 1,
    );
    if (fits.length === 0) {
      throw new FormatError(
        'The model has no MatMul with constant weights, which is all that this format is for.',
      );
    }
    const losses = new Losses('MatMulNBitsQuantizer');
    const excluded: string[] = [];
    const entries = fits.flatMap(({ layer, bits }): [string, string][] => {
      const width = losses.fit(layer.node, bits, WIDTHS);
      if (width === null) excluded.push(layer.node);
      return width === null ? [] : [[layer.node, `{"bits": ${width}, "group_size": ${GROUP}}`]];
    });
    const others = layers.filter((each) => !fits.includes(each)).map(({ layer }) => layer.node);
    const left =
      others.length > 0 ? [`Not a MatMul with weights on the right, left float: ${list(others, 3)}.`] : [];
    const warnings = [...losses.warnings, ...left];
    const notes = pythonComment([
      `Weights of the MatMul nodes of ${context.config.model.file}, as OMPQ decided.`,
      'Use: MatMulNBitsQuantizer(model, nodes_to_exclude=NODES_TO_EXCLUDE,',
      '     algo_config=KQuantWeightOnlyQuantConfig(customized_weight_config=CUSTOMIZED_WEIGHT_CONFIG)).process()',
      ...warnings,
    ]);
    return {
      content:
        `${notes}CUSTOMIZED_WEIGHT_CONFIG = ${pythonDict(entries)}\n\n` +
        `NODES_TO_EXCLUDE = ${pythonList(excluded)}\n`,
      warnings,
    };
  },
};
