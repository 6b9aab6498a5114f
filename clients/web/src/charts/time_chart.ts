// uPlot, in one place: a chart of steps over time.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { number, percent } from "../lib/format";
import { colour } from "../lib/theme";
import type { HistoryLines, Line, Scale } from "./steps";

export interface TimeChartOptions {
  width: number;
  height: number;
  scale: Scale;
  // What the numbers are, where they are no probabilities.
  unit: string | undefined;
  // Vertical lines: when the question closes, and the instant that the page stands at.
  deadline: number | undefined;
  at: number | undefined;
  from: number;
  until: number;
  onHover: (time: number | undefined) => void;
  onPick: (time: number) => void;
  // After each drawing, to place what lies above the chart.
  onDraw: (chart: uPlot) => void;
}

// Probabilities at which the axis of log-odds has its marks.
const LOGIT_MARKS = [0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999];

function joined(lines: HistoryLines): uPlot.AlignedData {
  const table = (line: Line): uPlot.AlignedData =>
    [line.times, line.values, ...line.bands.flatMap(({ low, high }) => [high, low])] as uPlot.AlignedData;
  const tables = [lines.model, lines.pool].filter((line) => line.times.length > 0).map(table);
  if (tables.length === 0) return [[0], [null]];
  return tables.length === 1 ? tables[0]! : uPlot.join(tables);
}

function seriesOf(lines: HistoryLines) {
  const stepped = uPlot.paths.stepped!({ align: 1 });
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  const add = (line: Line, label: string, stroke: string, dash?: number[]) => {
    if (line.times.length === 0) return;
    series.push({ label, stroke, width: 2, paths: stepped, spanGaps: true, points: { show: false }, ...(dash && { dash }) });
    line.bands.forEach((_, i) => {
      const high = series.length;
      for (const end of ["high", "low"]) {
        series.push({ label: `${label} ${end}`, stroke: "transparent", width: 0, paths: stepped, spanGaps: true, points: { show: false } });
      }
      bands.push({ series: [high, high + 1], fill: stroke + (i === 0 ? "30" : "1c") });
    });
  };
  add(lines.model, "Model", colour("--model"));
  add(lines.pool, "Pool", colour("--pool"), [6, 3]);
  return { series, bands };
}

const month = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const second = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

// Texts of the marks of time, in UTC: months, days or hours as they are apart, and below the first and
// wherever it changes the year or the day.
function timeMarks(splits: number[], step: number): string[] {
  const [text, below] = step >= 28 * 86_400 ? [month, (date: Date) => String(date.getUTCFullYear())]
    : step >= 86_400 ? [day, (date: Date) => String(date.getUTCFullYear())]
    : [step >= 60 ? minute : second, (date: Date) => day.format(date)];
  let last = "";
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000);
    const under = below(date);
    const line = under === last ? "" : `\n${under}`;
    last = under;
    return text.format(date) + line;
  });
}

function axes(options: TimeChartOptions): uPlot.Axis[] {
  const text = colour("--muted");
  const line = colour("--line");
  const common = {
    stroke: text, font: "12px system-ui, sans-serif",
    grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 },
  };
  const vertical: uPlot.Axis = { ...common, size: 58 };
  if (options.unit !== undefined) {
    vertical.values = (_, splits) => splits.map((value) => number(value));
  } else if (options.scale === "linear") {
    vertical.values = (_, splits) => splits.map((value) => `${Number((100 * value).toPrecision(4))} %`);
  } else {
    vertical.splits = (_, __, low, high) => {
      const marks = LOGIT_MARKS.map((p) => Math.log(p / (1 - p))).filter((x) => x >= low && x <= high);
      return marks.length > 1 ? marks : [low, high];
    };
    vertical.values = (_, splits) =>
      splits.map((value) => `${Number((100 / (1 + Math.exp(-value))).toPrecision(3))} %`);
  }
  return [{ ...common, size: 38, values: (_, splits, __, ___, step) => timeMarks(splits, step) }, vertical];
}

// Room above and below, so that a line lies on no edge; probabilities stay between 0 and 1.
function range(options: TimeChartOptions) {
  return (_: uPlot, low: number | null, high: number | null): [number, number] => {
    if (low === null || high === null) return options.scale === "linear" ? [0, 1] : [-3, 3];
    const room = Math.max((high - low) * 0.12, options.scale === "linear" ? 0.004 * Math.max(1, high) : 0.15);
    if (options.unit !== undefined || options.scale === "logit") return [low - room, high + room];
    return [low < 0.25 ? 0 : Math.max(0, low - room), Math.min(1, high + room)];
  };
}

function drawVertical(chart: uPlot, time: number | undefined, stroke: string, dash: number[]) {
  if (time === undefined) return;
  const x = chart.valToPos(time, "x", true);
  const { left, top, width, height } = chart.bbox;
  if (x < left - 1 || x > left + width + 1) return;
  const { ctx } = chart;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(dash.map((part) => part * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.restore();
}

export function makeTimeChart(host: HTMLElement, lines: HistoryLines, options: TimeChartOptions): uPlot {
  const { series, bands } = seriesOf(lines);
  return new uPlot(
    {
      width: options.width,
      height: options.height,
      series,
      bands,
      axes: axes(options),
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { x: { time: true, range: (_, low, high) => [low ?? options.from, high ?? options.until] }, y: { range: range(options) } },
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false, dist: 8 }, bind: { click: (chart, _, handler) => (event) => {
        const picked = chart.posToVal(chart.cursor.left ?? 0, "x");
        if (chart.select.width === 0) options.onPick(picked);
        return handler(event);
      } } },
      padding: [10, 14, 0, 0],
      hooks: {
        setCursor: [(chart) => {
          const left = chart.cursor.left ?? -1;
          options.onHover(left < 0 ? undefined : chart.posToVal(left, "x"));
        }],
        draw: [(chart) => {
          drawVertical(chart, options.deadline, colour("--muted"), [3, 4]);
          drawVertical(chart, options.at, colour("--accent"), []);
          options.onDraw(chart);
        }],
      },
    },
    joined(lines),
    host,
  );
}

export function valueText(value: number | null, options: { scale: Scale; unit: string | undefined }): string {
  if (value === null) return "–";
  if (options.unit !== undefined) return `${number(value)} ${options.unit}`;
  return percent(options.scale === "linear" ? value : 1 / (1 + Math.exp(-value)));
}

