/** Random pictures with the statistics of photographs, for models that have no data yet. */
import type { Random } from '../../common/random';

/** Colour varies more slowly than brightness. */
const FINEST_COLOUR = 4;

/**
 * height x width x channels pixels in 0..255. The spectrum falls as 1/f (equal variance per octave), channels share most
 * of their structure, brightness and contrast vary from picture to picture: Ruderman, "The statistics of natural images"
 * (1994). Photographs of ImageNet have a mean of about 0.45 and a deviation of about 0.27 on the scale 0..1.
 */
export function naturalNoise(random: Random, height: number, width: number, channels: number): Uint8Array {
  const shared = octaves(random, height, width, 1);
  const own = Array.from({ length: channels }, () => octaves(random, height, width, FINEST_COLOUR));
  const brightness = 0.45 + 0.12 * random.normal();
  const contrast = 0.24 * Math.exp(0.3 * random.normal());
  const pixels = new Uint8Array(height * width * channels);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < channels; c++) {
      // 0.95^2 + 0.31^2 = 1: channels correlate to 0.9.
      const value = brightness + contrast * (0.95 * shared[i] + 0.31 * own[c][i]);
      pixels[i * channels + c] = Math.min(Math.max(Math.round(255 * value), 0), 255);
    }
  }
  return pixels;
}

/** Sum of smooth random grids of doubling fineness, down to cells of side `finest`, scaled to unit variance. */
function octaves(random: Random, height: number, width: number, finest: number): Float32Array {
  const field = new Float32Array(height * width);
  for (let cell = Math.max(height, width); cell >= finest; cell /= 2)
    addGrid(field, random, height, width, cell);
  let mean = 0;
  for (const value of field) mean += value / field.length;
  let variance = 0;
  for (const value of field) variance += (value - mean) ** 2 / field.length;
  const scale = 1 / Math.sqrt(variance || 1);
  for (let i = 0; i < field.length; i++) field[i] = (field[i] - mean) * scale;
  return field;
}

/**
 * Adds random values at the corners of cells of the given side, interpolated bilinearly: first along each row of the
 * grid, then between the rows. A random shift keeps the cells from lining up at the corner of every picture.
 */
function addGrid(field: Float32Array, random: Random, height: number, width: number, cell: number): void {
  const columns = Math.ceil(width / cell) + 2;
  const rows = Math.ceil(height / cell) + 2;
  const shiftY = random.uniform();
  const shiftX = random.uniform();
  const corner = new Float32Array(columns);
  const lines = new Float32Array(rows * width);
  // Where each pixel lies between two corners is the same in every row.
  const left = new Int32Array(width);
  const parts = new Float64Array(width);
  for (let x = 0; x < width; x++) {
    const u = x / cell + shiftX;
    left[x] = Math.floor(u);
    parts[x] = u - left[x];
  }
  for (let row = 0; row < rows; row++) {
    // The sum over octaves is close to normal whatever the values are; uniform ones are cheap.
    for (let column = 0; column < columns; column++) corner[column] = random.uniform() - 0.5;
    for (let x = 0; x < width; x++) {
      const start = corner[left[x]];
      lines[row * width + x] = start + (corner[left[x] + 1] - start) * parts[x];
    }
  }
  for (let y = 0; y < height; y++) {
    const v = y / cell + shiftY;
    const upper = Math.floor(v) * width;
    const part = v - Math.floor(v);
    for (let x = 0; x < width; x++) {
      const above = lines[upper + x];
      field[y * width + x] += above + (lines[upper + width + x] - above) * part;
    }
  }
}
