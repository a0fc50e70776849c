/** What is wrong in a config that its schema cannot know: the model, its functions and the budget. */
import * as vscode from 'vscode';
import { formatSize, formatAverage } from '../../common/sizes';
import { budgetUse, formatBudget } from '../../config/budget';
import type { Config } from '../../config/config';
import { matchesFunctions, recount } from '../../config/edit';
import { formatLimit, LIMIT_NAMES } from '../../config/limits';
import { limitUse } from '../../config/limitUse';
import type { Span } from '../../config/locate';
import { modelPathOf } from '../../config/paths';
import { resolveRules, resolveTies } from '../../config/rules';
import type { InspectReply } from '../../engine/protocol';
import { namedFunction } from '../../pipeline/problem';
import type { Models } from '../models';
import { type ParsedDocument, rangeOf } from './documents';

/** What a quick fix can tell a problem by. */
export const PROBLEM = {
  unknownFunction: 'unknown-function',
  widthNotAllowed: 'width-not-allowed',
  overBudget: 'over-budget',
  overLimit: 'over-limit',
  noMatch: 'no-match',
  staleTotals: 'stale-totals',
  modelChanged: 'model-changed',
  modelMissing: 'model-missing',
} as const;

/** Of the config as the text has it now. @param edited where it was edited last */
export async function problemsOf(
  document: vscode.TextDocument,
  { config, located }: ParsedDocument,
  models: Models,
  edited: number | undefined,
): Promise<vscode.Diagnostic[]> {
  if (!config || !located) return [];
  const top = rangeOf(document, located.top);
  const found = widthProblems(document, config, located);
  if (document.uri.scheme !== 'file') return found;
  const path = modelPathOf(config, document.fileName);
  let inspect: InspectReply;
  try {
    inspect = await models.inspect(path, config.scoring.granularity, config.calibration);
  } catch (error) {
    return [
      ...found,
      problem(top, (error as Error).message, PROBLEM.modelMissing, vscode.DiagnosticSeverity.Error),
    ];
  }
  const sha = located.sha256 ? rangeOf(document, located.sha256) : top;
  if (inspect.sha256 !== config.model.sha256) {
    found.push(
      problem(
        sha,
        vscode.l10n.t('{0} has changed since it was scored: quantize it again.', config.model.file),
        PROBLEM.modelChanged,
        vscode.DiagnosticSeverity.Warning,
      ),
    );
  }
  return [
    ...found,
    ...nameProblems(document, located, inspect),
    ...sizeProblems(document, config, located, inspect, edited),
    ...limitProblems(document, config, located, inspect),
    ...patternProblems(document, config, located, inspect),
  ];
}

type Located = NonNullable<ParsedDocument['located']>;

function widthProblems(
  document: vscode.TextDocument,
  config: Config,
  { functions }: Located,
): vscode.Diagnostic[] {
  const { widths, pin } = config.allocation;
  const last = functions.length - 1;
  return functions.flatMap((f, i) => {
    const pinned = i === 0 ? pin?.first : i === last ? pin?.last : undefined;
    const bits = f.bits;
    if (!bits || f.lock || bits.value === pinned || widths.some((width) => width === bits.value)) return [];
    return problem(
      rangeOf(document, bits.span),
      vscode.l10n.t('{0} bits is not among the allowed widths {1}.', bits.value, widths.join(', ')),
      PROBLEM.widthNotAllowed,
      vscode.DiagnosticSeverity.Warning,
    );
  });
}

function nameProblems(
  document: vscode.TextDocument,
  located: Located,
  { network }: InspectReply,
): vscode.Diagnostic[] {
  const names = new Set(network.functions.map((f) => f.name));
  return located.functions
    .filter((f) => !names.has(f.name))
    .map((f) =>
      problem(
        rangeOf(document, f.nameSpan),
        vscode.l10n.t('The model has no function "{0}".', f.name),
        PROBLEM.unknownFunction,
        vscode.DiagnosticSeverity.Error,
      ),
    );
}

function sizeProblems(
  document: vscode.TextDocument,
  config: Config,
  located: Located,
  inspect: InspectReply,
  edited: number | undefined,
): vscode.Diagnostic[] {
  const { size, network } = inspect;
  const names = network.functions.map((f) => f.name);
  if (!matchesFunctions(config, names)) return [];
  const { totals } = recount(config, size);
  const place = located.totalBytes ? rangeOf(document, located.totalBytes) : rangeOf(document, located.top);
  const use = budgetUse(config.allocation.budget, totals, totals.budgetBytes);
  if (use > 1) {
    return [
      problem(
        // where eyes are: the bits that were edited last
        bitsAt(document, located, edited) ?? place,
        vscode.l10n.t(
          'These bits make {0} ({1} bits on average), which is {2} % over the budget of {3}.',
          formatSize(totals.bytes),
          formatAverage(totals.averageBits),
          (100 * (use - 1)).toFixed(1),
          formatBudget(config.allocation.budget),
        ),
        PROBLEM.overBudget,
        vscode.DiagnosticSeverity.Warning,
      ),
    ];
  }
  if (totals.bytes === config.totals.bytes) return [];
  return [
    problem(
      place,
      vscode.l10n.t('The bits have been edited: they now make {0} bytes.', totals.bytes),
      PROBLEM.staleTotals,
      vscode.DiagnosticSeverity.Information,
    ),
  ];
}

/** The bits of the function that an edit was in. */
function bitsAt(
  document: vscode.TextDocument,
  { functions }: Located,
  offset: number | undefined,
): vscode.Range | null {
  if (offset === undefined) return null;
  const place = functions.find(({ span }) => span.offset <= offset && offset < span.offset + span.length);
  return place?.bits ? rangeOf(document, place.bits.span) : null;
}

/** The limits beside the budget. */
function limitProblems(
  document: vscode.TextDocument,
  config: Config,
  located: Located,
  { size, network }: InspectReply,
): vscode.Diagnostic[] {
  const names = network.functions.map((f) => f.name);
  if (!matchesFunctions(config, names)) return [];
  const place = rangeOf(document, located.limits ?? located.totalBytes ?? located.top);
  const activations = network.functions.map((f) => f.activations);
  return limitUse(recount(config, size), activations)
    .filter(({ used, limit }) => used > limit * (1 + 1e-9))
    .map(({ kind, used, limit }) =>
      problem(
        place,
        vscode.l10n.t(
          '{0}: these bits take {1}, over the limit of {2}.',
          LIMIT_NAMES[kind],
          formatLimit(kind, used),
          formatLimit(kind, limit),
        ),
        PROBLEM.overLimit,
        vscode.DiagnosticSeverity.Warning,
      ),
    );
}

/** Rules and ties that match nothing would stop the next solving. */
function patternProblems(
  document: vscode.TextDocument,
  { allocation }: Config,
  located: Located,
  { network }: InspectReply,
): vscode.Diagnostic[] {
  const named = network.functions.map(namedFunction);
  const checks: [Span | null, () => unknown][] = [
    [located.rules, () => resolveRules(named, allocation.rules)],
    [located.ties, () => resolveTies(named, network.ties, allocation.ties)],
  ];
  return checks.flatMap(([span, check]) => {
    try {
      check();
      return [];
    } catch (error) {
      const place = rangeOf(document, span ?? located.top);
      return [problem(place, (error as Error).message, PROBLEM.noMatch, vscode.DiagnosticSeverity.Error)];
    }
  });
}

function problem(
  range: vscode.Range,
  message: string,
  code: string,
  severity: vscode.DiagnosticSeverity,
): vscode.Diagnostic {
  const diagnostic = new vscode.Diagnostic(range, message, severity);
  diagnostic.source = 'OMPQ';
  diagnostic.code = code;
  return diagnostic;
}
