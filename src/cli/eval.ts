import { resolve } from 'node:path';
import { Command } from 'commander';
import { formatSize } from '../config/budget';
import type { EvaluateReply } from '../engine/protocol';
import { evaluateModels } from '../exporting';
import { addDataOptions, dataSpec, positive, type DataFlags } from './options';
import { printJson, printLines, withSession } from './session';
import { table } from './table';

interface Flags extends Omit<DataFlags, 'samples'> {
  limit?: number;
  perLayer?: boolean;
  json?: boolean;
}

export function evalCommand(): Command {
  return addDataOptions(
    new Command('eval')
      .description('Measure a model, or two side by side: top-1 and top-5 with labels, agreement without.')
      .argument('<MODEL>', 'an .onnx file; the reference where there are two')
      .argument('[OTHER]', 'another .onnx file with the same inputs'),
  )
    .option('--limit <N>', 'samples to use, chosen by --seed (default: all)', positive)
    .option(
      '--per-layer',
      "also the SQNR of every layer's output, to see where the error enters (needs OTHER)",
    )
    .option('--json', 'print one JSON document')
    .action(async (model: string, other: string | undefined, flags: Flags, command: Command) => {
      if (flags.perLayer && other === undefined) {
        command.error('error: --per-layer compares two models; give OTHER, too');
      }
      const data = dataSpec({ ...flags, samples: flags.limit ?? 64 }, command);
      const reply = await withSession(async ({ engine, options, note }) => {
        const second = other === undefined ? null : resolve(other);
        const result = await evaluateModels(
          engine,
          resolve(model),
          second,
          data,
          { all: flags.limit === undefined, perLayer: flags.perLayer ?? false },
          options,
        );
        for (const warning of result.warnings) note(`warning: ${warning}`);
        return result;
      });
      if (flags.json) printJson(toJson(reply));
      else printLines(forPeople(reply));
    });
}

/** null where JSON has no number for it: the SQNR of equal outputs is infinite. */
function toJson({ samples, models, against, layers, seconds, synthetic }: EvaluateReply) {
  return { samples, models, against, ...(layers ? { layers } : {}), seconds, synthetic };
}

function forPeople(reply: EvaluateReply): string[] {
  const percent = (value: number | null): string => (value === null ? '-' : `${(100 * value).toFixed(2)} %`);
  return [
    `${reply.samples} samples (${reply.dataDescription}), ${reply.seconds.toFixed(1)} s`,
    '',
    ...table(
      ['model', 'size', 'top-1', 'top-5'],
      reply.models.map(({ path, bytes, top1, top5 }) => [
        path,
        formatSize(bytes),
        percent(top1),
        percent(top5),
      ]),
    ),
    ...(reply.against ? ['', ...comparisonLines(reply)] : []),
    ...(reply.layers ? ['', ...layerLines(reply.layers)] : []),
  ];
}

/** How the second model's outputs differ from the first's. */
export function comparisonLines({ against, samples, synthetic }: EvaluateReply): string[] {
  if (!against) return [];
  const { agreement, kl, sqnrDb, outputs } = against;
  const parts = [
    agreement === null ? null : `same answer on ${(100 * agreement).toFixed(1)} %`,
    kl === null ? null : `KL divergence ${kl.toPrecision(3)} nats`,
    `SQNR ${sqnrDb.toFixed(1)} dB`,
  ].filter((text) => text !== null);
  return [
    `against the original on ${samples} ${synthetic ? 'SYNTHETIC ' : ''}samples: ${parts.join(', ')}`,
    ...outputs.map((o) => `  ${o.name}: SQNR ${o.sqnrDb.toFixed(1)} dB, cosine ${o.cosine.toFixed(5)}`),
  ];
}

function layerLines(layers: NonNullable<EvaluateReply['layers']>): string[] {
  if (layers.length === 0) return ['no layer to compare: the first model must be the original'];
  const rows = layers.map(({ name, sqnrDb, cosine }) => [name, `${sqnrDb.toFixed(1)} dB`, cosine.toFixed(5)]);
  return ["each layer's output against the original's:", ...table(['layer', 'SQNR', 'cosine'], rows)];
}
