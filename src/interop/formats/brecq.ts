/** `--bit_cfg` of OMPQ's post-training quantization, a fork of BRECQ: a list of bits, handed out by position. */
import type { Network } from '../../onnx/network/network';
import { FormatError } from '../errors';
import { type Format } from '../format';
import { functionBits, Losses } from '../layers';

const WIDTHS = [2, 3, 4, 5, 6, 7, 8];

/** The list's length says how it is read: 53 entries go to the modules one by one (MobileNetV2) ... */
const ONE_BY_ONE = 53;

/** ... 8 and 20 entries are blocks, ... */
const BLOCKS = [8, 20];

/** ... and in every other list these entries count twice, for the shortcuts of ResNet-18. */
const TWICE = [6, 10, 14];

export const brecq: Format = {
  id: 'brecq',
  title: 'OMPQ / BRECQ --bit_cfg',
  use: "post-training quantization with OMPQ's PTQ/main_imagenet.py: its --bit_cfg argument",
  suffix: '.bit_cfg.txt',

  write({ config, network }) {
    const losses = new Losses('BRECQ');
    const bits = config.functions.map((f) => losses.clamp(f.name, f.bits, WIDTHS));
    return { content: `[${bits.join(', ')}]\n`, warnings: [...losses.warnings, ...misreading(network)] };
  },

  read(text, { network }) {
    const names = network.functions.map((f) => f.name);
    const list = /^\s*\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]\s*$/.exec(text)?.[1].split(',').map(Number) ?? [];
    if (list.length !== names.length) {
      throw new FormatError(`is no list of ${names.length} bits, one for each function of the model.`);
    }
    return functionBits(new Map(names.map((name, i) => [name, list[i]])), (name) => [name]);
  },
};

/** A warning where the bits would land on other modules than ours. */
function misreading({ functions }: Network): string[] {
  const length = functions.length;
  const wrong = functions.find(
    ({ layers }, i) => layers.length !== (length !== ONE_BY_ONE && TWICE.includes(i) ? 2 : 1),
  );
  if (!BLOCKS.includes(length) && !wrong) return [];
  const reason = BLOCKS.includes(length)
    ? `it reads a list of ${length} as blocks`
    : `it does so differently from "${wrong?.name}" on`;
  return [
    `BRECQ hands the list out by position, as fits its ResNet-18 and MobileNetV2; for this model ${reason}.`,
  ];
}
