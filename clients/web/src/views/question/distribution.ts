// A distribution by its quantiles, made into what charts draw.
export interface Quantile {
  probability: number;
  value: number;
}

const BINS = 24;

// One point for each value, with the largest probability that it is reached at: a count has steps.
export function distinct(points: Quantile[]): Quantile[] {
  return points.filter((point, i) => points[i + 1]?.value !== point.value);
}

// The probability of at most `value`, straight between the points.
function below(points: Quantile[], value: number): number {
  const after = points.findIndex((point) => point.value >= value);
  if (after < 0) return 1;
  const high = points[after]!;
  const low = points[after - 1];
  if (low === undefined) return high.value === value ? high.probability : 0;
  return low.probability + ((value - low.value) / (high.value - low.value)) * (high.probability - low.probability);
}

// Stretches of equal width with the probability of each; of whole numbers each holds as many.
export function binsOf(points: Quantile[]): { low: number; high: number; mass: number }[] {
  const steps = distinct(points);
  const first = steps[0];
  const last = steps.at(-1);
  if (first === undefined || last === undefined || !(last.value > first.value)) return [];
  const whole = steps.length < points.length && steps.every(({ value }) => Number.isInteger(value));
  const even = (last.value - first.value) / BINS;
  const width = whole ? Math.max(1, Math.round(even)) : even;
  const start = whole ? first.value - 0.5 : first.value;
  const count = Math.ceil((last.value - start) / width);
  // A step at a whole number counts half a step before it.
  const curve = whole ? steps.map(({ probability, value }) => ({ probability, value: value + 0.5 })) : steps;
  return Array.from({ length: count }, (_, i) => {
    const low = start + i * width;
    return { low, high: low + width, mass: below(curve, low + width) - below(curve, low) };
  });
}
