import { onFirstDocument } from '../firstDocument';
import type { Services } from '../services';
import { PYTHON } from './language';

export function registerPytorch(services: Services): void {
  onFirstDocument(services, PYTHON, async () => (await import('./annotations')).pytorchHelpers(services));
}
