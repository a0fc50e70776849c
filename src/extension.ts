/** Wiring only: one register(context) per feature; what a feature does is loaded when it is first wanted. */
import type * as vscode from 'vscode';
import { registerAgentTools } from './features/agentTools';
import { registerBitMap } from './features/bitMap/register';
import { registerCommands } from './features/commands';
import { registerConfigEditor } from './features/configEditor/register';
import { registerExplorer } from './features/explorer/register';
import { registerListing } from './features/listing/register';
import { registerMcp } from './features/mcp';
import { registerPytorch } from './features/pytorch/register';
import { createServices } from './features/services';
import { registerUnsupported } from './features/unsupported';
import { thisPlatform, unsupported } from './common/platform';

export function activate(context: vscode.ExtensionContext): void {
  const why = unsupported(thisPlatform());
  if (why) return registerUnsupported(context, why);
  const services = createServices(context);
  registerCommands(context, services);
  registerConfigEditor(services);
  registerListing(context, services);
  registerPytorch(services);
  registerBitMap(context, services);
  registerExplorer(context, services);
  registerMcp(context);
  registerAgentTools(context, services);
}
