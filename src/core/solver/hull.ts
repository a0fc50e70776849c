/**
 * Indices of the points of the upper convex hull of value over use: by rising use, from the point of least use to the one
 * of most value; the slopes between them are positive and strictly falling.
 */
export function upperHull(value: Float64Array, use: Float64Array): number[] {
  const slope = (a: number, b: number): number => (value[b] - value[a]) / (use[b] - use[a]);
  const hull: number[] = [];
  for (const o of [...value.keys()].sort((a, b) => use[a] - use[b] || value[b] - value[a])) {
    const top = hull.at(-1);
    if (top !== undefined && value[o] <= value[top]) continue;
    while (hull.length > 1) {
      const [before, last] = hull.slice(-2);
      if (slope(before, o) < slope(before, last)) break;
      hull.pop();
    }
    hull.push(o);
  }
  return hull;
}
