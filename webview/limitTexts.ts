/** Names of the limits in the user's language. */
import type { LimitKind } from '../src/config/limits';
import { t } from './l10n';

export const LIMIT_TEXTS: Record<LimitKind, string> = {
  bytes: t('File size'),
  averageBits: t('Average bits'),
  bops: t('BOPs'),
  milliseconds: t('Latency'),
  activationBytes: t('Peak activation memory'),
  noise: t('Noise'),
};
