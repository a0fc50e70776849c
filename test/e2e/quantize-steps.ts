import type { FrameLocator } from 'playwright-core';
import type { CodeWindow } from './driver';

/** Names of the example's files. */
export const model = 'resnet_cifar10.onnx';
export const config = 'resnet_cifar10.ompq.json';

/** Right-clicks the model and answers all questions; the job then runs. */
export async function startQuantizing(window: CodeWindow, averageBits: number): Promise<void> {
  await window.explorer.choose(model, 'Quantize with OMPQ');
  await answerQuestions(window, averageBits);
}

/** Answers what "Quantize with OMPQ" asks about the example. */
export async function answerQuestions(window: CodeWindow, averageBits: number): Promise<void> {
  await window.quickInput.choose('calibration data', 'calibration');
  await window.quickInput.choose('Image preprocessing', 'CIFAR-10');
  await window.quickInput.choose('budget', `${averageBits} bits on average`);
}

/** Waits until the config and its bit map stand there and nothing moves any more; returns the page of the bit map. */
export async function untilQuantized(window: CodeWindow): Promise<FrameLocator> {
  await window.editor.waitForActive(config);
  await window.notifications.waitFor('bits on average');
  const panel = window.webview();
  await panel.getByRole('button', { name: 'Write config' }).waitFor();
  await window.runCommand('Notifications: Clear All Notifications');
  await window.notifications.find('bits on average').waitFor({ state: 'detached' });
  return panel;
}
