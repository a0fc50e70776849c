/** Where a picture's pixels go: the geometry of torchvision's Resize and CenterCrop, stretching and letter-boxing. */

export interface Size {
  height: number;
  width: number;
}

export interface Placement {
  /** The whole picture's size after scaling. */
  scaled: Size;
  /** Where the wanted window begins in the scaled picture; negative where there is a border. */
  top: number;
  left: number;
}

/**
 * crop: the picture covers `margin` times the window, whose centre is cut out; stretch: it becomes the window; pad: it
 * fits into the window, in its middle.
 */
export function place(
  picture: Size,
  window: Size,
  resize: 'crop' | 'stretch' | 'pad',
  margin: number,
): Placement {
  if (resize === 'stretch') return { scaled: window, top: 0, left: 0 };
  const outer = resize === 'pad' ? window : scale(window, margin);
  const widthBinds = outer.height * picture.width <= outer.width * picture.height;
  // The side that binds is exact, the other is cut to a whole number, as torchvision's Resize does.
  const scaled =
    widthBinds === (resize === 'crop')
      ? {
          width: outer.width,
          height: Math.max(Math.floor((outer.width * picture.height) / picture.width), 1),
        }
      : {
          height: outer.height,
          width: Math.max(Math.floor((outer.height * picture.width) / picture.height), 1),
        };
  return {
    scaled,
    top: roundHalfEven((scaled.height - window.height) / 2),
    left: roundHalfEven((scaled.width - window.width) / 2),
  };
}

export const scale = ({ height, width }: Size, factor: number): Size => ({
  height: Math.round(height * factor),
  width: Math.round(width * factor),
});

/** Python's round(), which decides where torchvision's CenterCrop begins. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Cuts the window out of the scaled picture. Where `pixels` are fewer than the scaled picture has, they are enlarged
 * bilinearly between pixel centres, as PIL does (libvips' own enlarging is shifted by up to half a source pixel).
 * @param pixels from.height x from.width x channels, either as large as the scaled picture or smaller.
 * @returns window.height x window.width x channels; black outside the picture.
 */
export function cutWindow(
  pixels: Uint8Array,
  from: Size,
  channels: number,
  { scaled, top, left }: Placement,
  window: Size,
): Uint8Array {
  const out = new Uint8Array(window.height * window.width * channels);
  const columns = taps(left, window.width, scaled.width, from.width);
  const rows = taps(top, window.height, scaled.height, from.height);
  const line = from.width * channels;
  for (let y = 0; y < window.height; y++) {
    const row = rows[y];
    if (!row) continue;
    for (let x = 0; x < window.width; x++) {
      const column = columns[x];
      if (!column) continue;
      for (let c = 0; c < channels; c++) {
        const upper = row.first * line + c;
        const lower = row.second * line + c;
        const above = mix(
          pixels[upper + column.first * channels],
          pixels[upper + column.second * channels],
          column.part,
        );
        const below = mix(
          pixels[lower + column.first * channels],
          pixels[lower + column.second * channels],
          column.part,
        );
        out[(y * window.width + x) * channels + c] = Math.round(mix(above, below, row.part));
      }
    }
  }
  return out;
}

const mix = (a: number, b: number, part: number) => a + (b - a) * part;

interface Tap {
  first: number;
  second: number;
  /** Weight of the second. */
  part: number;
}

/** Per position of the window, the two source positions that it lies between; null outside the picture. */
function taps(start: number, length: number, scaled: number, source: number): (Tap | null)[] {
  return Array.from({ length }, (_, i) => {
    const at = start + i;
    if (at < 0 || at >= scaled) return null;
    const position = Math.min(Math.max(((at + 0.5) * source) / scaled - 0.5, 0), source - 1);
    const first = Math.floor(position);
    return { first, second: Math.min(first + 1, source - 1), part: position - first };
  });
}
