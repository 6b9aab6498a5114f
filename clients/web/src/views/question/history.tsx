// How the probability went: model and pool as steps, what was reported on them, and the slider that
// moves the whole page through time.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";

import { type HistoryLines, linesOf, type Scale, valueAt } from "../../charts/steps";
import { type Question, Question_State } from "../../gen/credence/v1/question_pb";
import type { HistoryPoint, QuestionHistory } from "../../gen/credence/v1/view_service_pb";
import type { Evidence } from "../../gen/credence/v1/evidence_service_pb";
import { dateOf, idOf, secondsOf } from "../../lib/api";
import { dayText, timeText } from "../../lib/format";
import { colours } from "../../lib/theme";
import { Figure, type Rows } from "../../ui/figure";
import { Segments, Skeleton } from "../../ui/parts";
import type { Base } from "./data";
import { goTo, instantText, type Moment } from "./moment";

const DAY = 86_400;
const MARKS_MAX = 120;
const GUTTER = { left: 58, right: 14 };

export interface Span {
  from: number;
  until: number;
}

// When a question ended; absent while it is open.
function endOf(question: Question): number | undefined {
  const ended = question.state === Question_State.RESOLVED || question.state === Question_State.ANNULLED;
  return ended ? secondsOf(question.resolution?.resolveTime ?? question.closeTime) : undefined;
}

// How it went before it ended: the answer itself, which is certain, would flatten the line.
function beforeEnd({ history, question }: Base): QuestionHistory {
  const end = endOf(question);
  if (end === undefined) return history;
  const before = (points: HistoryPoint[]) => points.filter((point) => secondsOf(point.effectiveTime) < end);
  return { ...history, model: before(history.model), pool: before(history.pool) };
}

// From the opening to now, or to the end where there was one.
export function spanOf(base: Base): Span {
  const { question, history } = base;
  const first = Math.min(
    secondsOf(question.openTime),
    ...[history.model[0], history.pool[0]].flatMap((point) => (point ? [secondsOf(point.effectiveTime)] : [])),
  );
  const ended = endOf(question);
  const last = ended ?? Math.max(
    ...[history.model.at(-1), history.pool.at(-1)].flatMap((point) => (point ? [secondsOf(point.effectiveTime)] : [])),
    Date.now() / 1000,
  );
  return { from: Math.floor(first), until: Math.max(last, first + 60) };
}

// The instants at which something changed.
function changesOf(base: Base): number[] {
  const times = [...base.history.model, ...base.history.pool].map((point) => secondsOf(point.effectiveTime));
  return [...new Set(times)].sort((a, b) => a - b);
}

function rowsOf(base: Base, state: number, numeric: boolean): Rows {
  const { history } = base;
  const value = (point: (typeof history.model)[number]) =>
    numeric ? point.quantiles[Math.floor(point.quantiles.length / 2)]?.value : point.probabilities[state];
  const row = (line: string) => (point: (typeof history.model)[number]) => [
    instantText(secondsOf(point.effectiveTime)), line, value(point),
    ...[0.25, 0.75].map((level) => point.quantiles.find(({ probability }) => Math.abs(probability - level) < 1e-9)?.value),
  ];
  const rows = [...history.model.map(row("model")), ...history.pool.map(row("pool"))];
  return {
    columns: ["time", "line", numeric ? "median" : `probability of ${history.states[state]}`, "lower quartile", "upper quartile"],
    rows: rows.map((cells) => [...cells, undefined, undefined].slice(0, 5))
      .sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
  };
}

interface Mark {
  item: Evidence;
  left: number;
  top: number;
}

function Slider({ base, span, moment }: { base: Base; span: Span; moment: Moment }) {
  const changes = useMemo(() => changesOf(base), [base]);
  const now = moment.at === undefined || moment.implied;
  const at = moment.at ?? span.until;
  const before = changes.findLast((time) => time < at - 1);
  const after = changes.find((time) => time > at + 1 && time < span.until);
  const step = Math.min(DAY, Math.max(1, Math.floor((span.until - span.from) / 500)));
  const move = (value: number) => goTo(value >= span.until - step ? undefined : value);
  return (
    <div class="as-of">
      <div style={{ paddingLeft: `${GUTTER.left - 8}px`, paddingRight: `${GUTTER.right - 8}px` }}>
        <input
          type="range"
          aria-label="As of: the instant that the page shows"
          aria-valuetext={now ? "now" : timeText(new Date(at * 1000))}
          min={span.from}
          max={span.until}
          step={step}
          value={at}
          onInput={(event) => move(Number(event.currentTarget.value))}
        />
      </div>
      <div class="as-of-line">
        <button type="button" class="button quiet" disabled={before === undefined} onClick={() => goTo(before)}>
          ← Change before
        </button>
        <strong class="number">{now ? (moment.implied ? "As of the end" : "As of now") : `As of ${timeText(new Date(at * 1000))}`}</strong>
        <button type="button" class="button quiet" disabled={now} onClick={() => goTo(after)}>
          {after === undefined ? (moment.implied ? "To the end →" : "To now →") : "Change after →"}
        </button>
      </div>
    </div>
  );
}

function Reading({ lines, hover, at, until, show }: {
  lines: HistoryLines;
  hover: number | undefined;
  at: number | undefined;
  until: number;
  show: (value: number | null) => string;
}) {
  const time = hover ?? at ?? until;
  return (
    <p class="reading number">
      <span class="key model">Model <strong>{show(valueAt(lines.model, time))}</strong></span>
      {lines.pool.times.length > 0 && (
        <span class="key pool">Pool <strong>{show(valueAt(lines.pool, time))}</strong></span>
      )}
      <span class="muted">{timeText(new Date(time * 1000))}</span>
    </p>
  );
}

export function HistoryFigure(props: {
  base: Base;
  moment: Moment;
  state: number;
  pin: Record<string, string>;
  onEvidence: (item: Evidence) => void;
}) {
  const { base, moment, state } = props;
  const numeric = base.network.model?.numeric;
  const unit = numeric?.unit ?? (numeric ? "" : undefined);
  const [scale, setScale] = useState<Scale>("linear");
  const [hover, setHover] = useState<number>();
  const [marks, setMarks] = useState<Mark[]>([]);
  const [window_, setWindow] = useState<"all" | "90" | "30">("all");
  const [chartModule, setChartModule] = useState<typeof import("../../charts/time_chart")>();
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>();
  const span = useMemo(() => spanOf(base), [base]);
  const shownScale = numeric ? "linear" : scale;
  const lines = useMemo(
    () => linesOf(beforeEnd(base), state, shownScale, numeric !== undefined, span.until),
    [base, state, shownScale],
  );
  const from = window_ === "all" ? span.from : Math.max(span.from, span.until - Number(window_) * DAY);
  useEffect(() => {
    void import("../../charts/time_chart").then(setChartModule);
  }, []);
  const at = useRef(moment.at);
  at.current = moment.at;

  useEffect(() => {
    if (chartModule === undefined || host.current === null) return;
    const element = host.current;
    const items = base.evidence.slice(-MARKS_MAX);
    const options = {
      width: element.clientWidth, height: 300, scale: shownScale, unit,
      deadline: secondsOf(base.question.closeTime),
      get at() { return at.current; },
      from, until: span.until,
      onHover: setHover,
      onPick: (time: number) => goTo(Math.min(time, span.until)),
      onDraw: (drawn: uPlot) => {
        const placed = items.flatMap((item) => {
          const time = secondsOf(item.effectiveTime);
          const value = valueAt(lines.model, time);
          if (value === null || time < drawn.scales.x!.min! || time > drawn.scales.x!.max!) return [];
          return [{ item, left: drawn.valToPos(time, "x") + GUTTER.left, top: drawn.valToPos(value, "y") + 10 }];
        });
        setMarks(placed);
      },
    };
    const made = chartModule.makeTimeChart(element, lines, options);
    made.setScale("x", { min: from, max: span.until });
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 300 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [chartModule, lines, from, colours.value]);
  useEffect(() => chart.current?.redraw(false), [moment.at]);

  const show = (value: number | null) =>
    chartModule === undefined ? "" : chartModule.valueText(value, { scale: shownScale, unit });
  return (
    <Figure
      id="history"
      title={numeric ? "The forecast over time" : "Probability over time"}
      description={numeric
        ? "Median with the middle half and nine tenths of the distribution. It holds until something changes."
        : "A belief holds until something changes. Bands: the middle half and four fifths, of the forecasters and of the model where it declares its uncertainty."}
      data={rowsOf(base, state, numeric !== undefined)}
      pin={props.pin}
      tools={
        <>
          {!numeric && (
            <Segments label="Scale" value={scale} options={[["linear", "Probability"], ["logit", "Log-odds"]]} onChange={setScale} />
          )}
          <Segments label="Stretch of time" value={window_} options={[["all", "All"], ["90", "90 d"], ["30", "30 d"]]} onChange={setWindow} />
        </>
      }
    >
      <Reading lines={lines} hover={hover} at={moment.at} until={span.until} show={show} />
      <div class="plot-frame">
        {chartModule === undefined && <Skeleton height={300} label="Loading the chart" />}
        <div ref={host} class="plot-host" role="img" aria-label={`Probability over time from ${dayText(new Date(span.from * 1000))} to ${dayText(new Date(span.until * 1000))}; the table has the numbers`} />
        <div class="marks" role="group" aria-label="Evidence on the line">
          {marks.map(({ item, left, top }) => (
            <button
              key={item.name}
              type="button"
              class={`mark${item.endTime === undefined ? "" : " ended"}`}
              style={{ left: `${left}px`, top: `${top}px` }}
              title={`${dayText(dateOf(item.effectiveTime))}: ${item.model?.summary || idOf(item.name)}`}
              aria-label={`Evidence of ${dayText(dateOf(item.effectiveTime))}: ${item.model?.summary || idOf(item.name)}`}
              onClick={() => props.onEvidence(item)}
            />
          ))}
        </div>
      </div>
      <Slider base={base} span={span} moment={moment} />
    </Figure>
  );
}
