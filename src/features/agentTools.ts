/** Our tools for the language models of VS Code, where this VS Code has such tools (1.95 and later). */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { ToolInfo } from '../agents/schemas';
import type { Services } from './services';

/** The part of the API that the oldest VS Code we run in does not have. */
interface ToolsApi {
  lm?: { registerTool?: (name: string, tool: LanguageModelTool) => vscode.Disposable };
  LanguageModelToolResult?: new (parts: object[]) => object;
  LanguageModelTextPart?: new (text: string) => object;
}

type Invocation = { input: Record<string, unknown> };

interface LanguageModelTool {
  prepareInvocation(invocation: Invocation): Promise<object>;
  invoke(invocation: Invocation, token: vscode.CancellationToken): Promise<object>;
}

/** As package.json declares them. What they do is loaded when one is first called. */
export function registerAgentTools(
  { extension, subscriptions }: vscode.ExtensionContext,
  services: Services,
): void {
  const { lm, LanguageModelToolResult, LanguageModelTextPart } = vscode as unknown as ToolsApi;
  if (!lm?.registerTool || !LanguageModelToolResult || !LanguageModelTextPart) return;
  const { contributes } = extension.packageJSON as {
    contributes: { languageModelTools: { name: string }[] };
  };
  for (const { name } of contributes.languageModelTools) {
    const registered = lm.registerTool(name, {
      prepareInvocation: async ({ input }) => announced(await toolOf(name), input),
      invoke: async ({ input }, token) => {
        const result = await call(services, await toolOf(name), input, token);
        return new LanguageModelToolResult([new LanguageModelTextPart(JSON.stringify(result))]);
      },
    });
    subscriptions.push(registered);
  }
}

async function toolOf(contributed: string): Promise<ToolInfo> {
  const [{ contributedName }, { TOOLS }] = await Promise.all([
    import('../agents/contributed'),
    import('../agents/schemas'),
  ]);
  return TOOLS.find(({ name }) => contributedName(name) === contributed)!;
}

/** What is shown while the tool works; what writes files is asked for first. */
function announced({ title, annotations }: ToolInfo, input: Record<string, unknown>): object {
  const file = [input.model, input.config].find((path) => typeof path === 'string');
  const message = file === undefined ? `OMPQ: ${title}` : `OMPQ: ${title} (${basename(file)})`;
  const confirmationMessages = {
    title,
    message: vscode.l10n.t('OMPQ writes a file into the workspace: {0}', JSON.stringify(input)),
  };
  return { invocationMessage: message, ...(annotations.readOnlyHint ? {} : { confirmationMessages }) };
}

/** As a job like any other: it can be seen, waits for its turn and can be cancelled. */
async function call(
  { engine, cache, jobs }: Services,
  { name, title }: ToolInfo,
  input: unknown,
  token: vscode.CancellationToken,
): Promise<object> {
  const [{ callTool }, { Roots }] = await Promise.all([
    import('../agents/callTool'),
    import('../agents/roots'),
  ]);
  const roots = new Roots();
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  await roots.grant(folders.map(({ uri }) => uri.fsPath));
  const abort = new AbortController();
  const cancelled = token.onCancellationRequested(() => abort.abort());
  try {
    return await jobs.run(`OMPQ: ${title}`, ({ signal, onProgress }) => {
      const either = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal;
      return callTool(name, input, { engine, roots, options: { signal: either, onProgress, cache } });
    });
  } finally {
    cancelled.dispose();
  }
}
