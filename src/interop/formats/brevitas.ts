/** Bits per module for Brevitas, which has no file format: a Python file that swaps the modules in. */
import { isLayerOp } from '../../onnx/network/layers';
import { FormatError } from '../errors';
import { type Format } from '../format';
import { layerBits, Losses } from '../layers';
import { foreignNames, torchModule } from '../names';
import { pythonComment, pythonDict } from '../python';

const WIDTHS = [2, 3, 4, 5, 6, 7, 8];

const SWAP = `
LAYERS = {
    nn.Conv1d: qnn.QuantConv1d,
    nn.Conv2d: qnn.QuantConv2d,
    nn.ConvTranspose1d: qnn.QuantConvTranspose1d,
    nn.ConvTranspose2d: qnn.QuantConvTranspose2d,
    nn.Linear: qnn.QuantLinear,
}
OPTIONS = ("stride", "padding", "output_padding", "dilation", "groups", "padding_mode")


def quantized(module, bits):
    """The same layer, weights included, with its weights quantized per channel."""
    if isinstance(module, nn.Linear):
        sizes = (module.in_features, module.out_features)
        options = {}
    else:
        sizes = (module.in_channels, module.out_channels, module.kernel_size)
        options = {name: getattr(module, name) for name in OPTIONS}
        if "Transpose" not in type(module).__name__:
            del options["output_padding"]
    layer = LAYERS[type(module)](
        *sizes,
        bias=module.bias is not None,
        weight_quant=Int8WeightPerChannelFloat,
        weight_bit_width=bits,
        **options,
    )
    layer.load_state_dict(module.state_dict(), strict=False)
    return layer


def quantize(model):
    """Swaps the layers of WEIGHT_BIT_WIDTHS in place."""
    for name, bits in WEIGHT_BIT_WIDTHS.items():
        parent, _, child = name.rpartition(".")
        owner = model.get_submodule(parent)
        setattr(owner, child, quantized(getattr(owner, child), bits))
    return model
`;

export const brevitas: Format = {
  id: 'brevitas',
  title: 'Brevitas layers',
  use: 'quantization-aware training and QONNX export with Brevitas: quantize(model) of the written file',
  suffix: '.brevitas.py',

  write(context) {
    const modules = foreignNames(context.network, context.names, torchModule, 'PyTorch module');
    const losses = new Losses('Brevitas');
    const entries = layerBits(context).flatMap(({ layer, bits }): [string, string][] => {
      if (!isLayerOp(layer.op) && bits !== 32) {
        losses.leave(layer);
        return [];
      }
      const width = losses.fit(layer.node, bits, WIDTHS);
      return width === null ? [] : [[modules.get(layer) as string, String(width)]];
    });
    if (entries.length === 0) throw new FormatError('Every layer stays float: there is nothing to write.');
    const notes = pythonComment([
      `Weights of ${context.config.model.file}, as OMPQ decided, for the PyTorch model that it was exported from.`,
      'Use: model = quantize(model); modules that are not named stay as they are.',
      ...losses.warnings,
    ]);
    const imports =
      'import brevitas.nn as qnn\nfrom brevitas.quant import Int8WeightPerChannelFloat\nfrom torch import nn\n';
    return {
      content: `${notes}${imports}\nWEIGHT_BIT_WIDTHS = ${pythonDict(entries)}\n${SWAP}`,
      warnings: losses.warnings,
    };
  },
};
