/** Names of objectives and of decays in the user's language. */
import type { Decay } from '../src/core/scoring/importance';
import type { Objective } from '../src/core/allocation/objectives';
import { t } from './l10n';

export const OBJECTIVE_NAMES: Record<Objective, string> = {
  auto: t('Best measured'),
  orthogonality: t('Orthogonality (the paper)'),
  'noise-aware': t('Least noise'),
  'orthogonality-noise': t('Least noise × orthogonality'),
  uniform: t('Uniform'),
};

export const DECAY_NAMES: Record<Decay, string> = {
  exp: t('exp(−β × overlap)'),
  log: t('−log(overlap)'),
  linear: t('−overlap'),
  cubic: t('−overlap³'),
  negexp: t('−exp(overlap)'),
};
