// The history of a question as lines for a chart: times, and what held from each on.
import type { HistoryPoint, QuestionHistory } from "../gen/credence/v1/view_service_pb";
import { secondsOf } from "../lib/api";
import { logOdds } from "../lib/format";

export interface Line {
  times: number[];
  // Absent where nothing holds, and where the scale cannot show it.
  values: (number | null)[];
  // Lower and upper ends of the inner and the outer band; empty where there is none.
  bands: { low: (number | null)[]; high: (number | null)[] }[];
}

export type Scale = "linear" | "logit";

function place(value: number | undefined, scale: Scale): number | null {
  if (value === undefined) return null;
  if (scale === "linear") return value;
  return value <= 0 || value >= 1 ? null : logOdds(value);
}

function quantile(point: HistoryPoint, level: number): number | undefined {
  return point.quantiles.find(({ probability }) => Math.abs(probability - level) < 1e-9)?.value;
}

function lineOf(points: HistoryPoint[], value: (point: HistoryPoint) => number | undefined,
  levels: [number, number][], scale: Scale, until: number): Line {
  const times = points.map((point) => secondsOf(point.effectiveTime));
  const held = points.map((point) => place(value(point), scale));
  const bands = levels.map(([low, high]) => ({
    low: points.map((point) => place(quantile(point, low), scale)),
    high: points.map((point) => place(quantile(point, high), scale)),
  }));
  // What was said last holds until now.
  const last = times.at(-1);
  if (last !== undefined && last < until) {
    times.push(until);
    held.push(held.at(-1)!);
    for (const band of bands) {
      band.low.push(band.low.at(-1)!);
      band.high.push(band.high.at(-1)!);
    }
  }
  return { times, values: held, bands };
}

export interface HistoryLines {
  model: Line;
  pool: Line;
}

// `state` is the index of the state that is drawn. Bands are the middle half and the middle four
// fifths: of the forecasters for the pool, of the model's own uncertainty where it declares one; of a
// number those of the distributions themselves.
export function linesOf(history: QuestionHistory, state: number, scale: Scale, numeric: boolean,
  until: number): HistoryLines {
  if (numeric) {
    const levels: [number, number][] = [[0.25, 0.75], [0.05, 0.95]];
    const median = (point: HistoryPoint) => quantile(point, 0.5);
    return {
      model: lineOf(history.model, median, levels, "linear", until),
      pool: lineOf(history.pool, median, [], "linear", until),
    };
  }
  const value = (point: HistoryPoint) => point.probabilities[state];
  const levels: [number, number][] = state === 0 ? [[0.25, 0.75], [0.1, 0.9]] : [];
  return {
    model: lineOf(history.model, value, history.model.some((point) => point.quantiles.length > 0) ? levels : [], scale, until),
    pool: lineOf(history.pool, value, levels, scale, until),
  };
}

// The value that held at `time`; null before the first.
export function valueAt(line: Line, time: number): number | null {
  let low = 0;
  let high = line.times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (line.times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : line.values[low - 1]!;
}
