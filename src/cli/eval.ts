import { Command } from 'commander';
import { resolve } from 'node:path';
import { dataFingerprint } from '../calibration/dataFingerprint';
import type { DataSpec } from '../calibration/inputs/spec';
import { formatSize } from '../common/sizes';
import { formatSqnr } from '../config/quality';
import type { EvaluateReply, OutputComparison, Shard } from '../engine/protocol';
import { evaluateModels } from '../pipeline/evaluate';
import { settledData, withGuess } from '../pipeline/settledData';
import { jobOf, VERSION, writeShard } from '../pipeline/shards';
import { positive } from './arguments';
import {
  addDataOptions,
  addEngineOptions,
  addShardOptions,
  type DataFlags,
  askedData,
  type EngineFlags,
  partPath,
  type ShardFlags,
} from './options';
import { printJson, printLines, withSession } from './session';
import { table } from './table';

interface Flags extends Omit<DataFlags, 'samples'>, EngineFlags, ShardFlags {
  classes?: string;
  limit?: number;
  perLayer?: boolean;
  json?: boolean;
}

export function evalCommand(): Command {
  return addShardOptions(
    addEngineOptions(
      addDataOptions(
        new Command('eval')
          .description(
            'Measure a model, or two side by side: top-1 and top-5 with labels, agreement without.',
          )
          .argument('<MODEL>', 'an .onnx file; the reference where there are two')
          .argument('[OTHER]', 'another .onnx file with the same inputs'),
      ),
    ),
  )
    .option(
      '--classes <FILE>',
      "the model's classes in their order, for data with names (a line each, .json or .csv; ImageNet's WordNet ids are known)",
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
      const asked = {
        ...askedData({ ...flags, samples: flags.limit ?? 64 }, command),
        ...(flags.classes === undefined ? {} : { classes: resolve(flags.classes) }),
      };
      const all = flags.limit === undefined;
      const paths = [model, ...(other === undefined ? [] : [other])].map((path) => resolve(path));
      const { data, reply } = await withSession(async ({ engine, options, note }) => {
        const settings = {
          all: flags.limit === undefined,
          perLayer: flags.perLayer ?? false,
          provider: flags.provider,
          memoryLimit: flags.memoryLimit,
          shard: flags.shard,
        };
        const { data, guess } = await settledData(engine, paths[0], asked, options);
        const result = await evaluateModels(engine, paths[0], paths[1] ?? null, data, settings, options);
        for (const warning of result.warnings) note(`warning: ${warning}`);
        return { data, reply: withGuess(result, guess) };
      });
      if (flags.shard) await keepPart(reply, paths, data, all, { ...flags, shard: flags.shard });
      else if (flags.json) printJson(evaluationToJson(reply));
      else printLines(evaluationForPeople(reply));
    });
}

async function keepPart(
  { tallies, ...reply }: EvaluateReply,
  paths: string[],
  data: DataSpec,
  all: boolean,
  flags: Flags & { shard: Shard },
): Promise<void> {
  const contents = await Promise.all([...paths, data.path].map((path) => dataFingerprint(path)));
  const { path: _, ...rest } = data;
  const out = partPath(flags, paths[0], 'eval');
  await writeShard(out, {
    kind: 'eval',
    version: VERSION,
    shard: flags.shard,
    job: jobOf(contents, rest, all, reply.blockSize),
    tallies: tallies!,
    reply,
  });
  if (flags.json) printJson({ part: out, samples: reply.samples, provider: reply.provider });
  else printLines([`${reply.samples} samples on ${reply.provider}`, `wrote ${out}`]);
}

/** null where JSON has no number for it: the SQNR of equal outputs is infinite. */
export function evaluationToJson({ samples, models, against, layers, ...rest }: EvaluateReply) {
  const { seconds, synthetic, provider, preparation } = rest;
  return {
    samples,
    models,
    against,
    ...(layers ? { layers } : {}),
    seconds,
    synthetic,
    provider,
    preparation,
  };
}

export function evaluationForPeople(reply: EvaluateReply): string[] {
  const percent = (value: number | null): string => (value === null ? '-' : `${(100 * value).toFixed(2)} %`);
  return [
    `${reply.samples} samples (${reply.dataDescription}) on ${reply.provider}, ${reply.seconds.toFixed(1)} s`,
    ...(reply.preparation ? [reply.preparation] : []),
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
  const { agreement, kl, sqnrDb, boxes, outputs } = against;
  const parts = [
    agreement === null ? null : `same answer on ${(100 * agreement).toFixed(1)} %`,
    kl === null ? null : `KL divergence ${kl.toPrecision(3)} nats`,
    boxes === null ? null : `same boxes ${(100 * boxes).toFixed(1)} % (IoU >= 0.5)`,
    `SQNR ${formatSqnr(sqnrDb)}`,
  ].filter((text) => text !== null);
  return [
    `against the original on ${samples} ${synthetic ? 'SYNTHETIC ' : ''}samples: ${parts.join(', ')}`,
    ...outputs.map((output) => `  ${output.name}: ${outputLine(output)}`),
  ];
}

/** "SQNR 31.2 dB, cosine 0.99962"; of an output that cannot be compared as numbers, by what it was. */
function outputLine({
  name,
  kind,
  isGuess,
  tensors,
  sqnrDb,
  cosine,
  agreement,
  kl,
  sameRows,
}: OutputComparison): string {
  if (kind === 'ignored') return 'ignored';
  if (kind === 'fixed') return 'no quantized weight reaches it';
  const before = tensors.filter((tensor) => tensor !== name);
  const values =
    sqnrDb === null || cosine === null ? null : `SQNR ${formatSqnr(sqnrDb)}, cosine ${cosine.toFixed(5)}`;
  const parts = [
    kind === 'classes' && agreement !== null
      ? `same answer on ${percent(agreement)}${isGuess ? ` (taken for scores of classes; else --output ${name}=regression)` : ''}`
      : null,
    kind === 'classes' && kl !== null ? `KL divergence ${kl.toPrecision(3)} nats` : null,
    kind === 'labels' && agreement !== null ? `equal on ${percent(agreement)}` : null,
    sameRows === undefined ? null : `as many rows in ${percent(sameRows)} of the runs`,
    values && (before.length === 0 ? values : `what it is made from (${before.join(', ')}): ${values}`),
  ];
  return parts.filter((text) => text !== null).join(', ');
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function layerLines(layers: NonNullable<EvaluateReply['layers']>): string[] {
  if (layers.length === 0) return ['no layer to compare: the first model must be the original'];
  const rows = layers.map(({ name, sqnrDb, cosine }) => [name, formatSqnr(sqnrDb), cosine.toFixed(5)]);
  return ["each layer's output against the original's:", ...table(['layer', 'SQNR', 'cosine'], rows)];
}
