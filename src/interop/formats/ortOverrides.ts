/** Weight types for onnxruntime.quantization's quantize_static: TensorQuantOverrides, as a Python file (its values are enums). */
import type { Format } from '../format';
import { layerBits, Losses, tensorBits } from '../layers';
import { pythonComment, pythonDict, pythonList } from '../python';

const WIDTHS = [4, 8];

export const ortOverrides: Format = {
  id: 'onnxruntime',
  title: 'onnxruntime TensorQuantOverrides',
  use: 'onnxruntime.quantization.quantize_static: int4 and int8 weights',
  suffix: '.tensor_quant_overrides.py',

  write(context) {
    const { config } = context;
    const losses = new Losses('onnxruntime');
    const overrides = tensorBits(context).flatMap(({ layer, bits }): [string, string][] => {
      const width = losses.fit(layer.node, bits, WIDTHS);
      if (width === null) return [];
      const entry = `"quant_type": QuantType.QInt${width}, "axis": ${layer.channelAxis}, "symmetric": True`;
      return [[layer.weight, `[{${entry}}]`]];
    });
    const float = layerBits(context).flatMap(({ layer, bits }) => (bits > 8 ? [layer.node] : []));
    const notes = pythonComment([
      `Weights of ${config.model.file}, as OMPQ decided.`,
      'Use: quantize_static(model, out, reader, per_channel=True, nodes_to_exclude=NODES_TO_EXCLUDE,',
      '     extra_options={"TensorQuantOverrides": TENSOR_QUANT_OVERRIDES})',
      'Models below opset 21 need extra_options["UseQDQContribOps"] = True for int4.',
      ...losses.warnings,
    ]);
    const content =
      `${notes}from onnxruntime.quantization import QuantType\n\n` +
      `TENSOR_QUANT_OVERRIDES = ${pythonDict(overrides)}\n\nNODES_TO_EXCLUDE = ${pythonList(float)}\n`;
    return { content, warnings: losses.warnings };
  },
};
