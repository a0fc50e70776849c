import { CONFIG_SUFFIX } from '../../config/paths';
import { onFirstDocument } from '../firstDocument';
import type { Services } from '../services';

export function registerConfigEditor(services: Services): void {
  onFirstDocument(services, { pattern: `**/*${CONFIG_SUFFIX}` }, async () =>
    (await import('./helpers')).configHelpers(services),
  );
}
