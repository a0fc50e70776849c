/** Wiring only: one register(context) per feature. */
import type * as vscode from 'vscode';
import { registerBitMap } from './features/bitMap/register';
import { registerConfigEditor } from './features/configEditor/register';
import { registerCopyAs } from './features/copyAs';
import { registerDoctor } from './features/doctor';
import { registerEvaluate } from './features/evaluate';
import { registerExport } from './features/export';
import { registerListing } from './features/listing/register';
import { registerPytorch } from './features/pytorch/register';
import { registerQuantize } from './features/quantize';
import { registerSample } from './features/sample';
import { createServices } from './features/services';
import { registerUnsupported } from './features/unsupported';
import { thisPlatform, unsupported } from './platform';

export function activate(context: vscode.ExtensionContext): void {
  const why = unsupported(thisPlatform());
  if (why) return registerUnsupported(context, why);
  const services = createServices(context);
  registerQuantize(context, services);
  registerConfigEditor(context, services);
  registerListing(context, services);
  registerPytorch(context, services);
  registerBitMap(context, services);
  registerExport(context, services);
  registerCopyAs(context, services);
  registerEvaluate(context, services);
  registerDoctor(context, services);
  registerSample(context, services);
}
