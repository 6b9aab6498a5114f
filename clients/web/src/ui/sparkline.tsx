// A history of a few points, as steps, small enough for a row.
import type { HistoryPoint } from "../gen/credence/v1/view_service_pb";
import { secondsOf } from "../lib/api";

const WIDTH = 132;
const HEIGHT = 30;

export function heightOf(point: HistoryPoint): number | undefined {
  if (point.probabilities.length > 0) return point.probabilities[0];
  return point.quantiles[Math.floor(point.quantiles.length / 2)]?.value;
}

export function Sparkline({ points, until }: { points: HistoryPoint[]; until: number }) {
  const steps = points.flatMap((point) => {
    const height = heightOf(point);
    return height === undefined ? [] : [{ time: secondsOf(point.effectiveTime), height }];
  });
  const first = steps[0];
  const last = steps.at(-1);
  if (first === undefined || last === undefined) return <span class="muted small">no history</span>;
  const low = Math.min(...steps.map((step) => step.height));
  const high = Math.max(...steps.map((step) => step.height));
  // A line that hardly moves should look so.
  const span = Math.max(high - low, Math.abs(high) * 0.05, 1e-9);
  const end = Math.max(until, last.time + 1);
  const x = (time: number) => ((time - first.time) / (end - first.time)) * (WIDTH - 6) + 1;
  const y = (height: number) => HEIGHT - 4 - ((height - (low + high) / 2 + span / 2) / span) * (HEIGHT - 8);
  let path = `M${x(first.time).toFixed(1)},${y(first.height).toFixed(1)}`;
  for (const step of steps.slice(1)) path += `H${x(step.time).toFixed(1)}V${y(step.height).toFixed(1)}`;
  path += `H${x(end).toFixed(1)}`;
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={path} fill="none" stroke="var(--model)" stroke-width="1.6" />
      <circle cx={x(end)} cy={y(last.height)} r="2.4" fill="var(--model)" />
    </svg>
  );
}
