/** The contest for what the config asks now, or the smallest file of a quality; scores and noise are known from before. */
import * as vscode from 'vscode';
import { basename } from 'node:path';
import { modelPathOf } from '../config/paths';
import { dataOf } from '../pipeline/configured';
import { quantize } from '../pipeline/quantize';
import { latencyOfConfig } from '../pipeline/resolve';
import { WHOLE } from '../config/budget';
import type { Quality } from '../config/types';
import { configOf } from './configEditor/documents';
import { announce } from './announce';
import type { Services } from './services';
import { readSettings } from './settings';

/** @param quality the budget is then its answer */
export async function measureAgainCommand(
  services: Services,
  uri?: vscode.Uri,
  quality?: Quality,
): Promise<void> {
  const { uri: configUri, document, config } = await configOf(uri);
  if (document.isDirty && !(await document.save())) {
    throw new Error(vscode.l10n.t('{0} could not be saved.', document.fileName));
  }
  const { provider, memoryLimit, searchSeconds, contestRounding } = readSettings(configUri);
  const model = modelPathOf(config, configUri.fsPath);
  const { granularity, centered, decay, beta } = config.scoring;
  const { allocation, contest } = config;
  const result = await services.jobs.run(
    quality
      ? vscode.l10n.t('Seeking the smallest file of {0}', basename(model))
      : vscode.l10n.t('Measuring the allocations of {0}', basename(model)),
    (options) =>
      quantize(
        services.engine,
        {
          model,
          data: dataOf(config, configUri.fsPath),
          granularity,
          centered,
          decay,
          beta,
          provider,
          memoryLimit,
        },
        {
          ...allocation,
          objective: 'auto',
          quality,
          ...(quality ? { budget: WHOLE } : {}),
          locks: {},
          latency: latencyOfConfig(config),
          contest: { rounding: contest?.rounding ?? contestRounding, searchSeconds },
        },
        configUri.fsPath,
        { ...options, cache: services.cache },
      ),
  );
  services.device.show(result.scored.score.provider);
  await services.orms.keepScored(result);
  announce(result);
}
