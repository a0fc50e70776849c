/** Module names of HAWQ's quantized networks (and of OMPQ's fork of it), from torchvision's module paths. */

/** Units per stage of HAWQ's MobileNetV2: it joins the stages of the paper that keep their resolution. */
const MOBILENET_STAGES = [1, 2, 3, 7, 4];
const MOBILENET_LAST = 18;

/**
 * ResNets: conv1, layerS.U.convK, layerS.U.downsample.0, fc. MobileNetV2: features.0.0, features.I.conv..., classifier.1.
 * @param paths of every layer of the network: whether its blocks are bottlenecks decides the stem's name
 * @returns per path, null where HAWQ has no such module
 */
export function hawqNames(paths: readonly (string | null)[]): (string | null)[] {
  const mobile = paths.includes('features.0.0');
  const bottleneck = paths.some((path) => path !== null && /^layer\d+\.\d+\.conv3$/.test(path));
  return paths.map((path) =>
    path === null ? null : mobile ? mobilenetName(path, paths) : resnetName(path, bottleneck),
  );
}

function resnetName(path: string, bottleneck: boolean): string | null {
  if (path === 'conv1') return bottleneck ? 'quant_init_convbn' : 'quant_init_block_convbn';
  if (path === 'fc' || path === 'linear') return 'quant_output';
  const match = /^layer(\d+)\.(\d+)\.(?:conv([123])|((?:downsample|shortcut)\.0))$/.exec(path);
  if (!match) return null;
  const [, stage, unit, conv, shortcut] = match;
  const module = shortcut ? 'quant_identity_convbn' : `quant_convbn${conv}`;
  return `stage${stage}.unit${Number(unit) + 1}.${module}`;
}

function mobilenetName(path: string, paths: readonly (string | null)[]): string | null {
  if (path === 'features.0.0') return 'init_block';
  if (path === `features.${MOBILENET_LAST}.0`) return 'features.final_block';
  if (path === 'classifier.1') return 'output';
  const match = /^features\.(\d+)\.conv\.(\d)(?:\.0)?$/.exec(path);
  if (!match) return null;
  const unit = unitName(Number(match[1]));
  // The first block expands nothing: its two convolutions are the depthwise one and the projection.
  const expands = paths.includes(`features.${match[1]}.conv.2`);
  return unit && `${unit}.conv${Number(match[2]) + (expands ? 1 : 2)}`;
}

function unitName(feature: number): string | null {
  let unit = feature;
  for (const [stage, units] of MOBILENET_STAGES.entries()) {
    if (unit >= 1 && unit <= units) return `features.stage${stage + 1}.unit${unit}`;
    unit -= units;
  }
  return null;
}

const SUM_BITS = 16;

/**
 * Names and bits of the activation quantizers around a module, which HAWQ's config lists, too: before the module and
 * (for the last of a block, whose sum is kept at 16 bits) behind it.
 * @param activation bits of the activations between layers
 */
export function activationsAround(
  module: string,
  activation: number,
): { before: [string, number][]; after: [string, number][] } {
  const act = (name: string): [string, number] => [name, activation];
  const sum = (name: string): [string, number] => [name, SUM_BITS];
  switch (module) {
    case 'quant_init_block_convbn':
    case 'quant_init_convbn':
    case 'init_block':
      return { before: [['quant_input', 8]], after: [sum('quant_act_int32')] };
    case 'features.final_block':
      return { before: [act('quant_act_before_final_block')], after: [sum('quant_act_int32_final')] };
    case 'quant_output':
    case 'output':
      return { before: [['quant_act_output', 8]], after: [] };
  }
  const match = /^((?:features\.)?stage\d+\.unit\d+)\.(?:quant_convbn|conv|quant_identity_convbn)(\d?)$/.exec(
    module,
  );
  if (!match) return { before: [], after: [] };
  const [, unit, conv] = match;
  const first = conv === '' || conv === '1';
  const name = first ? 'quant_act' : `quant_act${Number(conv) - 1}`;
  return { before: [act(`${unit}.${name}`)], after: [sum(`${unit}.quant_act_int32`)] };
}
