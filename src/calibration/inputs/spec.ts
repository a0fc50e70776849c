/** What the user says about calibration (or evaluation) data. Plain data: it crosses the process boundary and is kept in the config. */
import type { OutputChoice } from '../../onnx/network/outputs';
import type { Branches } from '../../onnx/network/network';

export const PRESET_NAMES = ['imagenet', 'cifar10', 'signed', 'efficientnet-lite', 'unit', 'raw'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** How a picture becomes a tensor. */
export interface Preprocessing {
  preset: PresetName;
  /**
   * Per channel, in the model's channel order, applied to pixels scaled to 0..1: (pixel / 255 - mean) / std. One value
   * stands for all channels. Absent: the preset's. Models that take integers get the pixels as they are.
   */
  mean?: number[];
  std?: number[];
  /**
   * crop: scale to cover the model's size and cut out the centre (ImageNet: with torchvision's margin of 256/224);
   * stretch: without regard to proportions; pad: scale to fit, the rest black. Absent: crop.
   */
  resize?: 'crop' | 'stretch' | 'pad';
  /** With crop: the share of the scaled picture's sides that is cut out, above 0 and at most 1. Absent: the preset's. */
  crop?: number;
  /** Absent: read from the model's input (1, 3 or 4 channels next to the batch, or last). */
  layout?: 'NCHW' | 'NHWC';
  /** Channel order of the model; RGB where absent. */
  channels?: 'RGB' | 'BGR';
}

export interface DataSpec {
  /** Folder of images, .npy, .npz, folder of test_data_set_* (all absolute paths); null: seeded synthetic input. */
  path: string | null;
  /** How many samples to take, chosen by a seeded shuffle. */
  samples: number;
  seed: number;
  /** Full shapes (batch included, its size ignored) for inputs whose sizes the model leaves open. */
  shapes: Record<string, number[]>;
  preprocessing: Preprocessing;
  /** Inputs that have one value in all samples, whatever the data hold: a sample rate, a switch. */
  values?: Record<string, number>;
  /** A file that lists the model's classes in their order, for data that name them (absolute path). */
  classes?: string;
  /** Branches that the samples take in Ifs with layers, as inspecting the model on them found; absent where there are none. */
  branches?: Branches;
  /** What outputs of the model are, by name, where it is not what the file says: how far another version is off depends on it. */
  outputs?: Record<string, OutputChoice>;
}
