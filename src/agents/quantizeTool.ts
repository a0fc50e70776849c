/** The tool that finds the bits of a model and writes its config. */
import { type BudgetSpec, WHOLE } from '../config/budget';
import { CONFIG_SUFFIX } from '../config/config';
import { configPathFor } from '../config/paths';
import type { Quality } from '../config/types';
import { winnerOf } from '../config/winner';
import { SettingsError } from '../core/allocation/buildProblem';
import type { Objective } from '../core/allocation/objectives';
import type { BitWidth } from '../core/problem/widths';
import { quantize } from '../pipeline/quantize';
import { QUICK_CONTEST } from '../pipeline/settings';
import { settledData } from '../pipeline/settledData';
import { askedData, type DataArguments, type ToolContext, totalsOf } from './context';

interface QuantizeArguments extends DataArguments {
  model: string;
  sizeBytes?: number;
  averageBits?: number;
  ratio?: number;
  quality?: Quality;
  objective?: Objective;
  searchSeconds?: number;
  locks?: Record<string, BitWidth>;
  out?: string;
}

export async function quantizeTool(
  given: QuantizeArguments,
  { engine, roots, options }: ToolContext,
): Promise<object> {
  const model = await roots.allowed(given.model);
  const out = await roots.allowed(given.out ?? configPathFor(model), true);
  if (!out.endsWith(CONFIG_SUFFIX))
    throw new SettingsError(`The name of a config ends with ${CONFIG_SUFFIX}: ${out} does not.`);
  const result = await quantize(
    engine,
    {
      model,
      ...(await settledData(engine, model, await askedData(given, roots), options)),
      granularity: 'layer',
      centered: true,
      decay: 'exp',
      beta: 1,
      provider: 'auto',
      memoryLimit: 0,
    },
    {
      objective: given.objective ?? 'auto',
      budget: budgetOf(given),
      widths: [2, 3, 4, 5, 6, 7, 8],
      pin: { first: 'auto', last: 'auto' },
      locks: given.locks ?? {},
      quality: given.quality,
      contest: { ...QUICK_CONTEST, searchSeconds: given.searchSeconds ?? QUICK_CONTEST.searchSeconds },
    },
    out,
    options,
  );
  const { config, scored } = result;
  const winner = winnerOf(config.contest);
  return {
    config: out,
    ...totalsOf(config),
    modelBytes: config.model.bytes,
    measured: winner && {
      kl: winner.kl,
      agreement: winner.agreement,
      sqnrDb: winner.sqnrDb,
      rounding: config.contest?.rounding,
      samples: config.contest?.samples,
    },
    bits: Object.fromEntries(config.functions.map((f) => [f.name, f.bits])),
    kept: result.kept,
    preparation: scored.score.preparation,
    synthetic: scored.score.synthetic,
    warnings: scored.score.warnings,
  };
}

function budgetOf({ sizeBytes, averageBits, ratio, quality }: QuantizeArguments): BudgetSpec {
  const budgets: BudgetSpec[] = [];
  if (sizeBytes !== undefined) budgets.push({ bytes: sizeBytes });
  if (averageBits !== undefined) budgets.push({ averageBits });
  if (ratio !== undefined) budgets.push({ ratio });
  if (budgets.length > 1 || (budgets.length === 0 && !quality)) {
    throw new SettingsError('Give exactly one of sizeBytes, averageBits and ratio, or a quality.');
  }
  return budgets[0] ?? WHOLE;
}
