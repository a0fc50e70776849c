/** Shapes of operators that move a window over space, or resize it. */
import { findAttribute, intAttribute, intsAttribute, stringAttribute } from '../proto/attributes';
import type { Dimension } from '../proto/dims';
import { combine, type Shape, times } from '../proto/dims';
import type { NodeProto } from '../proto/onnx_pb';
import type { Rule } from './rule';

interface Window {
  kernel: Dimension[];
  strides: number[];
  dilations: number[];
  /** All begins, then all ends. */
  pads: number[];
  autoPad: string;
}

function windowOf(node: NodeProto, spatial: number, kernel: Dimension[]): Window {
  return {
    kernel,
    strides: intsAttribute(node, 'strides') ?? new Array<number>(spatial).fill(1),
    dilations: intsAttribute(node, 'dilations') ?? new Array<number>(spatial).fill(1),
    pads: intsAttribute(node, 'pads') ?? new Array<number>(2 * spatial).fill(0),
    autoPad: stringAttribute(node, 'auto_pad', 'NOTSET'),
  };
}

/** Output size along one axis (ONNX spec of Conv and of the pools). */
function slide(size: Dimension, window: Window, axis: number, ceil: boolean): Dimension {
  const { strides, dilations, pads, autoPad } = window;
  const stride = strides[axis] ?? 1;
  if (autoPad.startsWith('SAME')) return combine(size, stride, (a, s) => Math.ceil(a / s));
  const begin = autoPad === 'VALID' ? 0 : (pads[axis] ?? 0);
  const end = autoPad === 'VALID' ? 0 : (pads[axis + pads.length / 2] ?? 0);
  const kernel = window.kernel[axis] ?? '';
  const reach = combine(kernel, dilations[axis] ?? 1, (k, d) => d * (k - 1));
  // With "same" padding and stride 1 even an open size stays what it is.
  if (stride === 1 && reach === begin + end) return size;
  return combine(size, reach, (a, r) => {
    const room = a + begin + end - r - 1;
    if (!ceil) return Math.floor(room / stride) + 1;
    // A window may not start in the padding at the end.
    const count = Math.ceil(room / stride) + 1;
    return (count - 1) * stride >= a + begin ? count - 1 : count;
  });
}

const conv: Rule = (node, known) => {
  const [x, w] = [known.shape(0), known.shape(1)];
  if (!w || w.length < 3) return [{ shape: null }];
  const spatial = w.length - 2;
  const kernel = intsAttribute(node, 'kernel_shape') ?? w.slice(2);
  const window = windowOf(node, spatial, kernel);
  const sizes = kernel.map((_, axis) => slide(x?.[axis + 2] ?? '', window, axis, false));
  return [{ shape: [x?.[0] ?? '', w[0], ...sizes] }];
};

const convTranspose: Rule = (node, known) => {
  const [x, w] = [known.shape(0), known.shape(1)];
  if (!w || w.length < 3) return [{ shape: null }];
  const spatial = w.length - 2;
  const kernel = intsAttribute(node, 'kernel_shape') ?? w.slice(2);
  const { strides, dilations, pads, autoPad } = windowOf(node, spatial, kernel);
  const extra = intsAttribute(node, 'output_padding') ?? [];
  const wanted = intsAttribute(node, 'output_shape');
  const sizes = kernel.map((size, axis): Dimension => {
    if (wanted) return wanted[wanted.length - spatial + axis] ?? '';
    if (autoPad.startsWith('SAME')) return combine(x?.[axis + 2] ?? '', strides[axis] ?? 1, (a, s) => a * s);
    const padding = autoPad === 'VALID' ? 0 : (pads[axis] ?? 0) + (pads[axis + spatial] ?? 0);
    return combine(
      x?.[axis + 2] ?? '',
      size,
      (a, k) =>
        (strides[axis] ?? 1) * (a - 1) + (extra[axis] ?? 0) + (dilations[axis] ?? 1) * (k - 1) + 1 - padding,
    );
  });
  const channels = combine(w[1], intAttribute(node, 'group', 1), (a, groups) => a * groups);
  return [{ shape: [x?.[0] ?? '', channels, ...sizes] }];
};

const pool: Rule = (node, known) => {
  const x = known.shape(0);
  const kernel = intsAttribute(node, 'kernel_shape');
  if (!kernel) return [{ shape: null }];
  const window = windowOf(node, kernel.length, kernel);
  const ceil = intAttribute(node, 'ceil_mode', 0) !== 0;
  const sizes = kernel.map((_, axis) => slide(x?.[axis + 2] ?? '', window, axis, ceil));
  const shape: Shape = [x?.[0] ?? '', x?.[1] ?? '', ...sizes];
  return [{ shape }, { shape }];
};

const globalPool: Rule = (_node, known) => {
  const x = known.shape(0);
  return [{ shape: x && x.map((dim, axis) => (axis < 2 ? dim : 1)) }];
};

/** Sizes or scales; scales are an attribute in Upsample 7, the second input up to opset 10, the third later. */
const resize: Rule = (node, known) => {
  const x = known.shape(0);
  if (!x) return [{ shape: null }];
  const axes = intsAttribute(node, 'axes')?.map((axis) => (axis < 0 ? axis + x.length : axis));
  const scattered = (list: Dimension[], combined: (dim: Dimension, value: Dimension) => Dimension) =>
    x.map((dim, axis) => {
      const at = axes ? axes.indexOf(axis) : axis;
      return at < 0 ? dim : combined(dim, list[at] ?? '');
    });
  const sizes = known.values(3);
  if (sizes && sizes.length > 0) return [{ shape: scattered(sizes, (_dim, size) => size) }];
  const attribute = findAttribute(node, 'scales')?.floats;
  const scales = attribute ?? known.floats(node.opType === 'Resize' && known.opset >= 11 ? 2 : 1);
  if (scales && scales.length > 0) return [{ shape: scattered(scales, times) }];
  return [{ shape: x.map((dim, axis) => (axis < 2 && !axes ? dim : '')) }];
};

const pad: Rule = (node, known) => {
  const x = known.shape(0);
  if (!x) return [{ shape: null }];
  const amounts = intsAttribute(node, 'pads') ?? intsAttribute(node, 'paddings') ?? known.values(1);
  const axes = known
    .values(3)
    ?.map((axis) => (typeof axis === 'number' && axis < 0 ? axis + x.length : axis));
  const count = axes ? axes.length : x.length;
  const shape = x.map((dim, axis) => {
    const at = axes ? axes.indexOf(axis) : axis;
    if (at < 0) return dim;
    const both = combine(amounts?.[at] ?? '', amounts?.[at + count] ?? '', (a, b) => a + b);
    return both === 0 ? dim : combine(dim, both, (a, b) => a + b);
  });
  return [{ shape }];
};

const depthToSpace: Rule = (node, known) => {
  const x = known.shape(0);
  const block = intAttribute(node, 'blocksize', 1);
  if (x?.length !== 4) return [{ shape: null }];
  const grown = (dim: Dimension) => combine(dim, block, (a, b) => a * b);
  return [{ shape: [x[0], combine(x[1], block * block, (a, b) => a / b), grown(x[2]), grown(x[3])] }];
};

const spaceToDepth: Rule = (node, known) => {
  const x = known.shape(0);
  const block = intAttribute(node, 'blocksize', 1);
  if (x?.length !== 4) return [{ shape: null }];
  const shrunk = (dim: Dimension) => combine(dim, block, (a, b) => a / b);
  return [{ shape: [x[0], combine(x[1], block * block, (a, b) => a * b), shrunk(x[2]), shrunk(x[3])] }];
};

export const windowRules: Record<string, Rule> = {
  Conv: conv,
  ConvInteger: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  Resize: resize,
  Upsample: resize,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
