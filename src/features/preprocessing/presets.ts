/** Ways in which pictures become tensors, in words. */
import * as vscode from 'vscode';
import type { Preprocessing, PresetName } from '../../calibration/inputs/spec';

export const PRESET_LABELS: { preset: PresetName; label: string; description: string }[] = [
  {
    preset: 'imagenet',
    label: 'ImageNet',
    description: vscode.l10n.t('mean 0.485, 0.456, 0.406 - std 0.229, 0.224, 0.225 - centre crop'),
  },
  {
    preset: 'cifar10',
    label: 'CIFAR-10',
    description: vscode.l10n.t('mean 0.4914, 0.4822, 0.4465 - std 0.2470, 0.2435, 0.2616'),
  },
  { preset: 'signed', label: '-1..1', description: vscode.l10n.t('pixel / 127.5 - 1: MobileNet, ViT') },
  {
    preset: 'efficientnet-lite',
    label: 'EfficientNet-Lite',
    description: vscode.l10n.t('(pixel - 127) / 128'),
  },
  { preset: 'unit', label: '0..1', description: vscode.l10n.t('pixel / 255') },
  { preset: 'raw', label: '0..255', description: vscode.l10n.t('pixels as they are') },
];

/** "ImageNet", "ImageNet, BGR, stretch". */
export function preprocessingLabel({ preset, mean, std, ...more }: Preprocessing): string {
  const { label } = PRESET_LABELS.find((each) => each.preset === preset)!;
  const own = mean || std ? [vscode.l10n.t('mean and std of its own')] : [];
  return [label, ...own, ...Object.values(more).map(String)].join(', ');
}
