import type { CodeWindow } from './driver';

/** Names of the example's files. */
export const model = 'resnet_cifar10.onnx';
export const config = 'resnet_cifar10.ompq.json';

/** Right-clicks the model and answers all questions; the job then runs. */
export async function startQuantizing(window: CodeWindow, averageBits: number): Promise<void> {
  await window.explorer.contextMenu(model);
  await window.menu.choose('Quantize with OMPQ');
  await answerQuestions(window, averageBits);
}

/** Answers what "Quantize with OMPQ" asks about the example. */
export async function answerQuestions(window: CodeWindow, averageBits: number): Promise<void> {
  await window.quickInput.waitFor('calibration data');
  await window.quickInput.choose('calibration');
  await window.quickInput.waitFor('how pictures become tensors');
  await window.quickInput.choose('CIFAR-10');
  await window.quickInput.waitFor('budget');
  await window.quickInput.choose(`${averageBits} bits on average`);
}
