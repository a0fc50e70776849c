/** Weight compression with NNCF, which knows 4 and 8 bits and no widths per layer: one pass per width, the rest ignored. */
import { FormatError } from '../errors';
import { type Format } from '../format';
import { layerBits, Losses } from '../layers';
import { pythonComment, pythonList } from '../python';

/** It compresses convolutions to 8 bits only. */
const CONVOLUTION_WIDTHS = [8];
const MATMUL_WIDTHS = [4, 8];

export const nncf: Format = {
  id: 'nncf',
  title: 'NNCF compress_weights',
  use: 'OpenVINO: nncf.compress_weights on the model, once for 8 and once for 4 bits',
  suffix: '.nncf.py',

  write(context) {
    const losses = new Losses('NNCF');
    const widths = new Map(
      layerBits(context).map(({ layer, bits }): [string, number | null] => {
        const convolution = layer.op === 'Conv' || layer.op === 'ConvTranspose';
        return [layer.node, losses.fit(layer.node, bits, convolution ? CONVOLUTION_WIDTHS : MATMUL_WIDTHS)];
      }),
    );
    if ([...widths.values()].every((width) => width === null)) {
      throw new FormatError('Every layer stays float: there is nothing to write.');
    }
    const others = (width: number): string[] =>
      [...widths].filter(([, each]) => each !== width).map(([node]) => node);
    const has4 = [...widths.values()].includes(4);
    const has8 = [...widths.values()].includes(8);
    const notes = pythonComment([
      `Weights of ${context.config.model.file}, as OMPQ decided.`,
      'Use: compressed = compress(openvino.Core().read_model(path)), which keeps the names of the ONNX nodes.',
      ...losses.warnings,
    ]);
    const content = [
      `${notes}import re\n\nimport nncf\n`,
      has8 ? `NOT_INT8 = ${pythonList(others(8))}\n` : '',
      has4 ? `NOT_INT4 = ${pythonList(others(4))}\n` : '',
      IGNORE,
      'def compress(model):',
      has8 ? pass('INT8_SYM', 'NOT_INT8', []) : '',
      has4 ? pass('INT4_SYM', 'NOT_INT4', ['group_size=-1', 'all_layers=True']) : '',
      '    return model\n',
    ];
    return { content: content.filter((part) => part !== '').join('\n'), warnings: losses.warnings };
  },
};

/** OpenVINO gives the name of an ONNX node with a bias to its addition, and this one to its product. */
const IGNORE = `
def ignored(names):
    return nncf.IgnoredScope(patterns=["^" + re.escape(name) + "(/WithoutBiases)?$" for name in names])

`;

function pass(mode: string, names: string, options: string[]): string {
  const given = [
    'model',
    `mode=nncf.CompressWeightsMode.${mode}`,
    ...options,
    `ignored_scope=ignored(${names})`,
  ];
  return `    model = nncf.compress_weights(\n${given.map((each) => `        ${each},\n`).join('')}    )`;
}
