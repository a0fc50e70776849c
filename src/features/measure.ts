/** Measuring bits without keeping a file: they are exported to a temporary one and run against the float model. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { Evaluation } from '../config/measured';
import { modelPathOf } from '../config/paths';
import type { Config } from '../config/types';
import type { BitWidth } from '../core/problem/widths';
import { steps } from '../engine/progress';
import type { EvaluateReply } from '../engine/protocol';
import { dataOf } from '../pipeline/configured';
import { evaluateModels } from '../pipeline/evaluate';
import { exportModel } from '../pipeline/export';
import { configOf } from './configEditor/documents';
import { evaluationOf } from './runs';
import type { Services } from './services';
import { readSettings } from './settings';

/** Inputs that are run, of those that calibration can draw from; the first ones were scored. */
const TIMES_CALIBRATION = 4;

/** @param bits per function; default: those of the config */
export async function measureCommand(
  services: Services,
  uri?: vscode.Uri,
  bits?: BitWidth[],
): Promise<Evaluation | undefined> {
  const { uri: configUri, config } = await configOf(uri);
  const measured = bits
    ? { ...config, functions: config.functions.map((f, i) => ({ ...f, bits: bits[i] })) }
    : config;
  const model = vscode.Uri.file(modelPathOf(config, configUri.fsPath));
  const rounding = config.contest?.rounding ?? 'nearest';
  const folder = await mkdtemp(join(tmpdir(), 'ompq-measure-'));
  try {
    const reply = await run(services, configUri, measured, { out: join(folder, 'measured.onnx'), rounding });
    const evaluation = evaluationOf(
      reply,
      measured.functions.map((f) => f.bits),
      rounding,
    );
    const { sha256 } = config.model;
    const name = basename(configUri.fsPath);
    await services.history.keep(model, { ...evaluation, sha256, kind: 'measure', config: name });
    return evaluation;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(
  services: Services,
  configUri: vscode.Uri,
  config: Config,
  { out, rounding }: { out: string; rounding: 'nearest' | 'gptq' | 'reconstruct' },
): Promise<EvaluateReply> {
  const { provider, memoryLimit } = readSettings(configUri);
  const data = dataOf(config, configUri.fsPath);
  const model = modelPathOf(config, configUri.fsPath);
  const title = vscode.l10n.t('Measuring the bits of {0}', basename(model));
  return services.jobs.run(title, async (options) => {
    const step = steps(options, { export: 3, evaluate: 2 });
    await exportModel(
      services.engine,
      configUri.fsPath,
      config,
      {
        out,
        overwrite: false,
        rounding,
        scaleType: 'float32',
        activations: null,
        samples: config.calibration.samples,
        provider,
        memoryLimit,
      },
      { ...step.export, cache: services.cache },
    );
    const samples = TIMES_CALIBRATION * config.calibration.samples;
    return evaluateModels(
      services.engine,
      model,
      out,
      { ...data, samples },
      { all: false, perLayer: false, provider, memoryLimit },
      step.evaluate,
    );
  });
}
