/** The only file that knows @vscode/webview-ui-toolkit, which is at its final release: to replace it, replace this file. */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import { h, type Attributes, type Child } from './dom';

export function registerToolkit(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeTextField(),
  );
}

/** Elements of the toolkit as the page uses them: plain properties and DOM events only. */
export type ToolkitElement = HTMLElement & { value: string; checked: boolean; disabled: boolean };

function element(document: Document, tag: string, attributes: Attributes, children: Child[]): ToolkitElement {
  return h(document, tag as 'div', attributes, ...children) as unknown as ToolkitElement;
}

export function button(
  document: Document,
  options: { look: 'primary' | 'secondary' | 'icon'; title?: string; label?: string },
  action: () => void,
  ...children: Child[]
): ToolkitElement {
  const { look, title, label } = options;
  const made = element(
    document,
    'vscode-button',
    { appearance: look, title, 'aria-label': label ?? null },
    children,
  );
  made.addEventListener('click', action);
  return made;
}

export function checkbox(
  document: Document,
  label: string,
  checked: boolean,
  changed: (checked: boolean) => void,
): ToolkitElement {
  const made = element(document, 'vscode-checkbox', { checked }, [label]);
  made.addEventListener('change', () => changed(made.checked));
  return made;
}

export function dropdown(
  document: Document,
  label: string,
  options: readonly { value: string; text: string }[],
  value: string,
  changed: (value: string) => void,
): ToolkitElement {
  const items = options.map((o) =>
    element(document, 'vscode-option', { value: o.value, selected: o.value === value }, [o.text]),
  );
  const made = element(document, 'vscode-dropdown', { 'aria-label': label }, items);
  made.addEventListener('change', () => changed(made.value));
  return made;
}

/** `entered` is called on Enter and when the field is left with another text; `typed` at every key. */
export function textField(
  document: Document,
  options: { label: string; value: string; placeholder?: string; size?: number },
  entered: (value: string) => void,
  typed?: (value: string) => void,
): ToolkitElement {
  const { label, value, placeholder, size } = options;
  const made = element(document, 'vscode-text-field', { 'aria-label': label, value, placeholder, size }, []);
  made.addEventListener('change', () => entered(made.value));
  if (typed) made.addEventListener('input', () => typed(made.value));
  return made;
}
