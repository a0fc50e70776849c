/** Why each layer of a config has its bits, what hurts it, and what can be done: from what the config has measured. */
import { formatSize } from '../common/sizes';
import { editedFunctions } from '../config/edit';
import { type Config, type ConfigFunction, NOISE_WIDTHS } from '../config/types';
import { decidedBy } from '../config/winner';
import type { FixedBy } from '../core/problem/problem';
import type { InspectReply } from '../engine/protocol';
import { materialOfConfig } from './resolve';

export interface ExplainedLayer {
  name: string;
  bits: number;
  bytes: number;
  /** Share of all noise that its weights make at these bits; null where noise was not measured. */
  noiseShare: number | null;
  /** Why it has these bits. */
  why: string;
  /** What hurts it, each with what helps. */
  findings: { problem: string; remedy: string }[];
}

/** Fewer calibration samples than this leave measurements uncertain. */
const FEW_SAMPLES = 32;
/** A layer with this many times its equal share of the noise stands out. */
const STANDS_OUT = 3;
/** Without outliers a bit more divides the noise by about four, somewhat less at few bits. */
const USUAL_FALL = 2.5;
/** Draws of the samples in which a layer keeps its bits, at least. */
const SURE = 0.8;
/** Share of a layer's bytes that are no codes. */
const MUCH_OVERHEAD = 0.3;

export function explain(config: Config, inspect: InspectReply): ExplainedLayer[] {
  const { problem } = materialOfConfig(config, inspect);
  const noises = config.functions.map((f) => noiseAt(f, f.bits));
  const total = noises.every((noise) => noise !== null)
    ? noises.reduce((sum, noise) => sum + noise, 0)
    : null;
  const edited = new Set(editedFunctions(config));
  return config.functions.map((f, i): ExplainedLayer => {
    const noise = noises[i];
    const share = noise !== null && total !== null && total > 0 ? noise / total : null;
    const tied = inspect.network.ties.find((group) => group.includes(i)) ?? [];
    const others = tied.filter((j) => j !== i).map((j) => config.functions[j].name);
    const fixedBy = problem.candidates[i].fixedBy;
    return {
      name: f.name,
      bits: f.bits,
      bytes: f.bytes,
      noiseShare: share,
      why: edited.has(f.name)
        ? `It was set to ${f.bits} bits by hand; the solver had ${config.solver.bits[i]}.`
        : (reasonFixed(fixedBy, f.bits) ?? reasonFound(config, f, inspect.size.functionBytes[i], total)),
      findings: [
        ...noiseFindings(f, share, config.functions.length),
        ...doubtFindings(config, i),
        ...overheadFinding(f),
        ...(others.length > 0
          ? [
              {
                problem: `It shares its weights with ${others.join(', ')}, so they have the same bits.`,
                remedy: 'Choose bits for the more sensitive of them.',
              },
            ]
          : []),
      ],
    };
  });
}

function reasonFixed(fixedBy: FixedBy | undefined, bits: number): string | null {
  if (fixedBy === 'lock') return `It is locked at ${bits} bits.`;
  if (fixedBy === 'rule') return `A rule gives it ${bits} bits.`;
  return fixedBy === 'pin' ? `It is pinned at ${bits} bits, as an end of the network.` : null;
}

/** What one bit more and one bit less would change. */
function reasonFound(
  config: Config,
  f: ConfigFunction,
  bytes: Readonly<Record<number, number>>,
  total: number | null,
): string {
  const own = noiseAt(f, f.bits);
  const { widths } = config.allocation;
  const wider = Math.min(...widths.filter((bits) => bits > f.bits));
  const narrower = Math.max(...widths.filter((bits) => bits < f.bits));
  const by = `${decidedBy(config)} gave it ${f.bits} bits`;
  if (own === null || total === null || !(total > 0)) {
    return `${by} for an importance of ${f.importance.toPrecision(3)} and ${formatSize(f.bytes)}; its noise was not measured.`;
  }
  const percent = (value: number): string => `${((100 * value) / total).toPrecision(2)} %`;
  const parts: string[] = [];
  const more = noiseAt(f, wider);
  if (Number.isFinite(wider) && more !== null) {
    parts.push(
      `${wider} bits would take ${formatSize(bytes[wider] - f.bytes)} more and remove ${percent(own - more)} of all noise`,
    );
  }
  const less = noiseAt(f, narrower);
  if (Number.isFinite(narrower) && less !== null) {
    parts.push(
      `${narrower} bits would save ${formatSize(f.bytes - bytes[narrower])} and add ${percent(less - own)}`,
    );
  }
  return `${by}, where it makes ${percent(own)} of all noise${parts.length > 0 ? `: ${parts.join('; ')}` : ''}.`;
}

function noiseFindings(f: ConfigFunction, share: number | null, count: number): ExplainedLayer['findings'] {
  const findings: ExplainedLayer['findings'] = [];
  if (share !== null && share > STANDS_OUT / count && share > 0.02) {
    findings.push({
      problem: `It makes ${(100 * share).toFixed(0)} % of all noise, ${(share * count).toFixed(0)} times its equal share.`,
      remedy: `Lock it wider (--lock "${f.name}=${Math.min(8, f.bits + 1)}") or raise the budget.`,
    });
  }
  const fall = fallOf(f);
  if (fall !== null && fall < USUAL_FALL) {
    findings.push({
      problem: `A bit more divides its noise by ${fall.toFixed(1)} only, where about 4 is usual: a few weights are much larger than the others of their row and set its scale.`,
      remedy:
        'Export with --rounding reconstruct, and compare with the layer locked wider; equalization across layers helps, too.',
    });
  }
  return findings;
}

/** By how much a bit divides the noise on average, from the bits it has to the widest that was measured. */
function fallOf(f: ConfigFunction): number | null {
  const widest = NOISE_WIDTHS[NOISE_WIDTHS.length - 1];
  const [own, best] = [noiseAt(f, f.bits), noiseAt(f, widest)];
  return f.bits >= widest || own === null || best === null || !(best > 0)
    ? null
    : (own / best) ** (1 / (widest - f.bits));
}

function doubtFindings({ calibration, robustness }: Config, i: number): ExplainedLayer['findings'] {
  const findings: ExplainedLayer['findings'] = [];
  const kept = robustness?.kept[i];
  if (kept !== undefined && kept < SURE) {
    findings.push({
      problem: `It keeps its bits in only ${Math.round(100 * kept)} % of the draws of the samples.`,
      remedy: 'Score more samples (--samples).',
    });
  }
  if (calibration.path === null || calibration.samples < FEW_SAMPLES) {
    findings.push({
      problem:
        calibration.path === null
          ? 'It was measured on synthetic input.'
          : `It was measured on ${calibration.samples} samples.`,
      remedy: 'Give about 64 real samples with --data.',
    });
  }
  return findings;
}

function overheadFinding(f: ConfigFunction): ExplainedLayer['findings'] {
  const codes = (f.params * f.bits) / 8;
  const overhead = 1 - codes / Math.max(1, f.bytes);
  if (f.bits > 8 || overhead < MUCH_OVERHEAD) return [];
  return [
    {
      problem: `${Math.round(100 * overhead)} % of its ${formatSize(f.bytes)} are scales and the nodes that unpack it, so fewer bits save little.`,
      remedy: 'Leave it wide; --scales float16 halves the scales.',
    },
  ];
}

/** Null where it was not measured; widths that leave the weights alone make none. */
function noiseAt(f: ConfigFunction, bits: number): number | null {
  if (bits > 8) return f.noise ? 0 : null;
  return f.noise?.[(NOISE_WIDTHS as readonly number[]).indexOf(bits)] ?? null;
}
