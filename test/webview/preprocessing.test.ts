/** The page on which image preprocessing is adjusted. */
import { expect, it, vi } from 'vitest';
import { preprocessingPage } from '../../webview/preprocessing/page';
import type { EditorState, FromEditor, PreviewShown } from '../../webview/preprocessing/protocol';

// the toolkit asks for it when it is loaded
vi.hoisted(() => {
  window.matchMedia = () => ({ matches: false, addListener: () => undefined }) as unknown as MediaQueryList;
});

const state: EditorState = {
  type: 'state',
  model: 'net.onnx',
  folder: '/data/pictures',
  guess: {
    preprocessing: { preset: 'imagenet' },
    label: 'ImageNet',
    reason: 'Nothing says it.',
    isSure: false,
  },
  start: { preset: 'imagenet' },
  presets: [
    {
      preset: 'imagenet',
      label: 'ImageNet',
      description: 'm',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      margin: 256 / 224,
    },
    {
      preset: 'raw',
      label: '0..255',
      description: 'r',
      mean: [0, 0, 0],
      std: [1 / 255, 1 / 255, 1 / 255],
      margin: 1,
    },
  ],
};
const seen = (label: string, decided: number, more: Partial<PreviewShown> = {}): PreviewShown => ({
  preprocessing: { preset: label === '0..255' ? 'raw' : 'imagenet' },
  label,
  problem: null,
  preparation: 'pictures scaled',
  range: [-2.1, 2.6],
  pictures: [{ source: 'data:image/png;base64,AA==', answers: [{ index: 281, share: 0.92 }] }],
  decided,
  right: null,
  ...more,
});

function open() {
  const root = document.createElement('div');
  const sent: FromEditor[] = [];
  const receive = preprocessingPage(root, (message) => sent.push(message));
  receive(state);
  return { root, sent, receive };
}

it('says why it guesses, and that a guess without proof is one', () => {
  const { root, receive } = open();
  expect(root.querySelector('.guess.unsure')?.textContent).toBe(
    'A guess: ImageNet. Nothing says it. Check it: are the answers right?',
  );
  receive({ ...state, guess: { ...state.guess!, isSure: true } });
  expect(root.querySelector('.guess')?.textContent).toBe('Found: ImageNet. Nothing says it.');
});

it('runs the model at once and after every change, and uses what is shown', async () => {
  const { root, sent } = open();
  await vi.waitFor(() => expect(sent).toEqual([{ type: 'preview', preprocessing: { preset: 'imagenet' } }]));
  const mean = root.querySelectorAll('vscode-text-field')[0] as HTMLInputElement & { value: string };
  mean.value = '0.5, 0.5, 0.5';
  mean.dispatchEvent(new Event('change'));
  const changed = { preset: 'imagenet', mean: [0.5, 0.5, 0.5] };
  await vi.waitFor(() => expect(sent.at(-1)).toEqual({ type: 'preview', preprocessing: changed }));
  mean.value = 'much';
  mean.dispatchEvent(new Event('change'));
  expect(mean.value).toBe('0.5, 0.5, 0.5');
  root.querySelector<HTMLElement>('.buttons vscode-button')!.click();
  expect(sent.at(-1)).toEqual({ type: 'use', preprocessing: changed });
});

it('shows what the model sees with its answers, and what cannot be fed as a sentence', () => {
  const { root, receive } = open();
  receive({ type: 'previewed', isComparison: false, choices: [seen('ImageNet', 0.5)] });
  expect(root.querySelector('.seen img')?.getAttribute('src')).toBe('data:image/png;base64,AA==');
  expect(root.querySelector('.seen figcaption')?.textContent).toBe('class 281: 92 %');
  expect(root.querySelector('.seen .hint')?.textContent).toContain('values from -2.10 to 2.60');
  receive({
    type: 'previewed',
    isComparison: false,
    choices: [seen('ImageNet', 0, { problem: 'mean has 2 values.' })],
  });
  expect(root.querySelector('.seen')?.textContent).toBe('mean has 2 values.');
});

it('puts the preset first under which answers tell most, right ones where there are labels', () => {
  const { root, receive } = open();
  const order = (): (string | null)[] =>
    [...root.querySelectorAll('.compared tbody th')].map((th) => th.textContent);
  receive({ type: 'previewed', isComparison: true, choices: [seen('0..255', 0.1), seen('ImageNet', 0.6)] });
  expect(order()).toEqual(['ImageNet', '0..255']);
  const labelled = [
    seen('ImageNet', 0.6, { right: { count: 1, of: 8 } }),
    seen('0..255', 0.1, { right: { count: 7, of: 8 } }),
  ];
  receive({ type: 'previewed', isComparison: true, choices: labelled });
  expect(order()).toEqual(['0..255', 'ImageNet']);
  expect(root.querySelector('.compared .numeric')?.textContent).toBe('7 of 8');
});
