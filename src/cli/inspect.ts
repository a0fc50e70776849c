import { Command } from 'commander';
import { resolve } from 'node:path';
import type { DataSpec } from '../calibration/inputs/spec';
import { formatSize } from '../common/sizes';
import type { InspectReply } from '../engine/protocol';
import { shareLine, stayingLines } from '../pipeline/shares';
import { addShapeOption, addValueOption } from './options';
import { printJson, printLines, withSession } from './session';
import { count, table } from './table';

interface Flags {
  shape: Record<string, number[]>;
  value: Record<string, number>;
  json?: boolean;
}

export function inspectCommand(): Command {
  return addValueOption(
    addShapeOption(
      new Command('inspect')
        .description('List the functions of a model that can be quantized, and what stays float.')
        .argument('<MODEL>', 'an .onnx file'),
    ),
  )
    .option('--json', 'print one JSON document')
    .action(async (model: string, flags: Flags) => {
      const reply = await withSession(({ engine, options }) =>
        engine.request(
          {
            kind: 'inspect',
            model: resolve(model),
            granularity: 'layer',
            shapes: flags.shape,
            ...(Object.keys(flags.value).length > 0 ? { data: oneSample(flags) } : {}),
          },
          { signal: options.signal },
        ),
      );
      if (flags.json) printJson(toJson(reply));
      else printLines(forPeople(reply));
    });
}

/** Made up but for the values given, which may decide between the branches of an If. */
function oneSample({ shape, value }: Flags): DataSpec {
  return {
    path: null,
    samples: 1,
    seed: 0,
    shapes: shape,
    values: value,
    preprocessing: { preset: 'raw' },
  };
}

function toJson({ network, outputs, bytes, sha256, shares }: InspectReply) {
  return {
    functions: network.functions.map(({ name, layers, op, shape, params, macs, stage }) => ({
      name,
      layers: layers.map((layer) => layer.node),
      op,
      shape,
      params,
      macs,
      stage,
    })),
    skipped: network.skipped,
    shared: network.shared,
    inputs: network.inputs,
    outputs: network.outputs.map((output, i) => ({ ...output, ...outputs[i] })),
    ties: network.ties,
    opset: network.opset,
    irVersion: network.irVersion,
    bytes,
    sha256,
    shares,
  };
}

function forPeople(reply: InspectReply): string[] {
  const { network, outputs, bytes } = reply;
  const shape = (dims: (number | string)[]): string => dims.map((d) => (d === '' ? '?' : d)).join('x');
  const staying = stayingLines(reply);
  const params = network.functions.reduce((sum, f) => sum + f.params, 0);
  return [
    `${network.functions.length} functions, ${count(params)} weights, ${formatSize(bytes)}, opset ${network.opset}`,
    ...network.inputs.map((input) => `input ${input.name}: ${shape(input.shape)}`),
    ...outputs.map(({ name, kind, reason }) => `output ${name}: ${kind} (${reason})`),
    '',
    ...table(
      ['function', 'op', 'output', 'params', 'MACs'],
      network.functions.map((f) => [
        f.layers.length > 1 ? `${f.name} (+${f.layers.length - 1})` : f.name,
        f.op,
        f.shape ? shape(f.shape) : '?',
        count(f.params),
        f.macs === null ? '?' : count(f.macs),
      ]),
    ),
    ...(network.skipped.length > 0 ? ['', 'Stays float:'] : []),
    ...network.skipped.map((node) => `  ${node.name} (${node.op}): ${node.reason}`),
    ...(network.shared.length > 0
      ? ['', 'Weights of layers that others read, too (the rounded ones, which counts in the outputs):']
      : []),
    ...network.shared.map(({ weight, readers }) => `  ${weight}: ${readers.join(', ')}`),
    '',
    `${shareLine(reply)}${staying.length > 0 ? '; what stays as it is, by the operator that reads it:' : ''}`,
    ...staying,
  ];
}
