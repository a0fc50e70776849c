/** What a panel needs of the rest of the extension. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Capability, PanelEdit, PanelState } from '../../../webview/protocol';
import { parseConfig } from '../../config/config';
import { modelPathOf } from '../../config/paths';
import type { InspectReply } from '../../engine/protocol';
import type { QuantizedRecord } from '../../onnx/packing/record';
import { dataOf } from '../../pipeline/configured';
import { sourceOf } from '../../pipeline/originalOf';
import { replaceConfig } from '../configEditor/documents';
import type { Services } from '../services';
import { COMMAND } from '../ids';
import { COPY_FORMATS } from './foreign';
import { quantizedFrom } from '../quantizedFrom';
import { quantizedState, strayState } from './quantizedState';
import { editedConfig, panelState, type PanelSources } from './state';

export interface PanelHost {
  extensionUri: vscode.Uri;
  log: vscode.LogOutputChannel;
  /** A measurement of a model was kept. */
  onDidMeasure: vscode.Event<vscode.Uri>;
  /**
   * @param last what was shown before: it stays, with a warning, while the config is half typed
   * @throws with one sentence where the model cannot be read
   */
  load(model: vscode.Uri, config: vscode.Uri, last: PanelState | null): Promise<PanelState>;
  /** The model that a quantized file was made from; null where it is not beside it. */
  originalOf(model: vscode.Uri): Promise<vscode.Uri | null>;
  /** Puts an edit into the config; undo takes it back, unsaved changes elsewhere in it stay. */
  write(model: vscode.Uri, config: vscode.Uri, edit: PanelEdit): Promise<void>;
  /** Puts the config as it is written on the clipboard, in another tool's format. */
  copy(config: vscode.Uri, format: string): Promise<void>;
}

export class ExtensionHost implements PanelHost {
  readonly log: vscode.LogOutputChannel;
  readonly onDidMeasure: vscode.Event<vscode.Uri>;

  constructor(
    private readonly services: Services,
    readonly extensionUri: vscode.Uri,
  ) {
    this.log = services.log;
    this.onDidMeasure = services.history.onDidChange;
  }

  async load(model: vscode.Uri, uri: vscode.Uri, last: PanelState | null): Promise<PanelState> {
    const found = await configAt(uri, model);
    if (found && 'broken' in found && last?.config) {
      const capabilities = last.capabilities.filter((name) => name !== 'write');
      return { ...last, capabilities, warnings: [found.broken] };
    }
    const config = found && 'value' in found ? found : null;
    const value = config?.value;
    const quantized = value ? null : await this.loadQuantized(model);
    if (quantized) return quantized;
    const inspect = await this.services.models.inspect(
      model.fsPath,
      value?.scoring.granularity,
      value?.calibration,
      value && dataOf(value, uri.fsPath),
    );
    return panelState({
      model: { uri: model.toString(), name: basename(model.path) },
      inspect,
      config,
      evaluations: this.services.history.of(model, inspect.sha256),
      score: value ? await this.services.orms.find(value) : null,
      capabilities: CAPABILITIES,
      copyFormats: COPY_FORMATS,
      warnings: found && 'broken' in found ? [found.broken] : [],
    });
  }

  originalOf(model: vscode.Uri): Promise<vscode.Uri | null> {
    return quantizedFrom(this.services, model);
  }

  /** null: it is no quantized file. */
  private async loadQuantized(model: vscode.Uri): Promise<PanelState | null> {
    const { models, history, orms } = this.services;
    const own = await models.inspect(model.fsPath);
    if (!isQuantized(own)) return null;
    const file = {
      model: { uri: model.toString(), name: basename(model.path) },
      evaluations: [],
      score: null,
    };
    const source = await sourceOf(model.fsPath, own.quantized);
    if (!source) return strayState(file, own);
    const { path, config } = source;
    const original = modelPathOf(config, path);
    const inspect = await models
      .inspect(original, config.scoring.granularity, config.calibration, dataOf(config, path))
      .catch(() => null);
    if (inspect?.sha256 !== config.model.sha256) return strayState(file, own);
    const runs = history.runs(vscode.Uri.file(original)).filter((run) => run.file === model.fsPath);
    const score = await orms.find(config);
    return quantizedState({ ...file, evaluations: runs, score }, own, source, inspect);
  }

  async write(model: vscode.Uri, uri: vscode.Uri, edit: PanelEdit): Promise<void> {
    const document = await vscode.workspace.openTextDocument(uri);
    const config = parseConfig(document.getText(), uri.fsPath);
    const inspect = await this.services.models.inspect(
      model.fsPath,
      config.scoring.granularity,
      config.calibration,
    );
    await replaceConfig(document, editedConfig(config, edit, inspect));
  }

  async copy(config: vscode.Uri, format: string): Promise<void> {
    await vscode.commands.executeCommand(COMMAND.copyAs, config, { format });
  }
}

function isQuantized(reply: InspectReply): reply is InspectReply & { quantized: QuantizedRecord } {
  return reply.quantized !== undefined;
}

const CAPABILITIES: Capability[] = ['quantize', 'write', 'export', 'evaluate'];

type FoundConfig = PanelSources['config'] | { broken: string };

/** The config as the editor has it, saved or not; null where there is none. */
async function configAt(uri: vscode.Uri, model: vscode.Uri): Promise<FoundConfig> {
  try {
    await vscode.workspace.fs.stat(uri);
  } catch {
    return null;
  }
  const name = basename(uri.path);
  try {
    const document = await vscode.workspace.openTextDocument(uri);
    const value = parseConfig(document.getText(), name);
    if (modelPathOf(value, uri.fsPath) !== model.fsPath) {
      return { broken: `${name} belongs to another model, ${value.model.file}.` };
    }
    return { uri: uri.toString(), name, dirty: document.isDirty, value };
  } catch (error) {
    return { broken: error instanceof Error ? error.message : String(error) };
  }
}
