/**
 * Operators that changed their meaning or their form from one version of the standard operator set to a later one. Changes
 * that only admit more types, more inputs or more attributes are none: such nodes mean the same as before.
 */
import {
  batchNormOutputs,
  batchNormSpatial,
  broadcast,
  castByName,
  clip,
  concatAxis,
  equalParts,
  flattened,
  gridSample,
  impossible,
  inference,
  pad,
  pads,
  prelu,
  reshape,
  resize,
  roiAlign,
  scatter,
  slice,
  toInput,
  topK,
  upsampleScales,
  upsampleToResize,
  without,
  type Change,
} from './nodeChanges';

const forAll = (names: string, change: Change): Record<string, Change> =>
  Object.fromEntries(names.split(' ').map((name) => [name, change]));

/** By version, from 2 on: operators whose nodes must change. */
export const CHANGES: ReadonlyMap<number, Readonly<Record<string, Change>>> = new Map<
  number,
  Record<string, Change>
>([
  [2, { ...forAll('GlobalLpPool LpPool', impossible), Pad: pads, Split: impossible }],
  [4, { Concat: concatAxis }],
  [5, { Reshape: reshape }],
  [
    6,
    {
      ...forAll(
        'Abs Add And BatchNormalization Ceil Clip Div Dropout Elu Exp Floor HardSigmoid InstanceNormalization LeakyRelu Log Max Mean Min Mul Neg PRelu Reciprocal Relu Selu Sigmoid Sqrt Sub Sum Tanh',
        without('consumed_inputs'),
      ),
      ...forAll('Tile Upsample', impossible),
      Cast: castByName,
    },
  ],
  [
    7,
    {
      ...forAll('Add Sub Mul Div Pow And Or Xor Equal Greater Less', broadcast),
      ...forAll('Dropout BatchNormalization', inference),
      ...forAll('RNN GRU LSTM', without('output_sequence')),
      Gemm: without('broadcast'),
      PRelu: prelu,
      Upsample: impossible,
    },
  ],
  [9, { BatchNormalization: batchNormSpatial, Scan: impossible, Upsample: upsampleScales }],
  [
    10,
    {
      ...forAll(
        'Affine ConstantFill Crop GivenTensorFill GRUUnit ImageScaler ParametricSoftplus Scale ScaledTanh',
        impossible,
      ),
      Slice: slice,
      TopK: topK,
      Upsample: upsampleToResize,
    },
  ],
  [11, { Clip: clip, Pad: pad, Resize: resize, Scatter: scatter }],
  [12, { Dropout: without('ratio') }],
  [
    13,
    {
      ...forAll('Softmax LogSoftmax Hardmax', flattened),
      ...forAll('Squeeze Unsqueeze ReduceSum', toInput('axes', 1)),
      Split: toInput('split', 1),
    },
  ],
  [14, { BatchNormalization: batchNormOutputs }],
  [16, { RoiAlign: roiAlign }],
  [
    18,
    {
      ...forAll(
        'ReduceMax ReduceMin ReduceMean ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare',
        toInput('axes', 1),
      ),
      Split: equalParts,
    },
  ],
  [20, { GridSample: gridSample, DFT: impossible }],
  [21, { GroupNormalization: impossible }],
]);
