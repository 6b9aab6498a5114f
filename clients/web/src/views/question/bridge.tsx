// The evidence bridge: from the prior, item by item, to the posterior, in decibans that sum.
import { useMemo, useState } from "preact/hooks";

import {
  type ExplainPosteriorResponse, type ExplanationStep, ExplanationStepKind as Kind,
} from "../../gen/credence/v1/inference_service_pb";
import type { Evidence } from "../../gen/credence/v1/evidence_service_pb";
import { dateOf, idOf } from "../../lib/api";
import { dayText, decibans, percent, spoken } from "../../lib/format";
import { Figure, type Rows } from "../../ui/figure";
import { Grade } from "../../ui/parts";
import type { Base } from "./data";

// Of a long bridge the small items are told as one.
const STEPS_MAX = 30;

interface Bar {
  step: ExplanationStep | undefined;
  label: string;
  // Ends in decibans; absent where a probability is 0 or 1.
  from: number | undefined;
  to: number | undefined;
  weight: number | undefined;
  probability: number;
}

function labelOf(step: ExplanationStep): string {
  switch (step.kind) {
    case Kind.PRIOR:
      return "Prior";
    case Kind.DRIFT:
      return "Time passing without news";
    case Kind.RESOLUTION:
      return step.summary || `${spoken(idOf(step.name))} resolved`;
    default:
      return step.summary || idOf(step.name);
  }
}

export function barsOf(steps: ExplanationStep[]): Bar[] {
  let sum: number | undefined = 0;
  return steps.map((step) => {
    const from: number | undefined = step.kind === Kind.PRIOR ? 0 : sum;
    const weight = step.weightDecibans;
    sum = from === undefined || weight === undefined ? undefined : from + weight;
    return { step, label: labelOf(step), from, to: sum, weight, probability: step.probability };
  });
}

// The largest ones stay; the others in a row of their own, so that the sum still holds.
function shortened(bars: Bar[], whole: boolean): Bar[] {
  if (whole || bars.length <= STEPS_MAX) return bars;
  const ranked = bars.slice(1).sort((a, b) => Math.abs(b.weight ?? 0) - Math.abs(a.weight ?? 0));
  const kept = new Set(ranked.slice(0, STEPS_MAX - 2));
  const rest = ranked.slice(STEPS_MAX - 2);
  const shown = bars.filter((bar, i) => i === 0 || kept.has(bar));
  let sum = 0;
  const moved = shown.map((bar, i) => {
    const from = i === 0 ? 0 : sum;
    sum = from + (bar.weight ?? 0);
    return { ...bar, from, to: sum };
  });
  const weight = rest.reduce((total, bar) => total + (bar.weight ?? 0), 0);
  return [...moved, {
    step: undefined, label: `${rest.length} smaller steps`, from: sum, to: sum + weight, weight,
    probability: bars.at(-1)!.probability,
  }];
}

// Where the bridge begins or ends (without `from`), or a step on it.
function Track({ from, to, low, high }: { from?: number | undefined; to: number | undefined; low: number; high: number }) {
  const x = (value: number) => (100 * (value - low)) / (high - low);
  const zero = low <= 0 && high >= 0 ? x(0) : undefined;
  return (
    <span class="track" aria-hidden="true">
      {zero !== undefined && <i class="zero" style={{ left: `${zero}%` }} />}
      {to !== undefined && (from === undefined
        ? <i class="pier" style={{ left: `${x(to)}%` }} />
        : <i class={`bar ${to >= from ? "up" : "down"}`} style={{ left: `${Math.min(x(from), x(to))}%`, width: `max(2px, ${Math.abs(x(to) - x(from))}%)` }} />)}
    </span>
  );
}

// Marks of the axis: decibans below, the probabilities that they stand for above.
function Axis({ low, high }: { low: number; high: number }) {
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50].find((size) => (high - low) / size <= 5) ?? 100;
  const marks = [];
  for (let i = Math.ceil(low / step); i * step <= high; ++i) marks.push(Number((i * step).toFixed(1)));
  return (
    <div class="bridge-axis" aria-hidden="true">
      <span />
      <span class="track">
        {marks.map((value) => (
          <i key={value} class="tick" style={{ left: `${(100 * (value - low)) / (high - low)}%` }}>
            <b>{Number((100 / (1 + 10 ** (-value / 10))).toPrecision(2))} %</b>
            <small>{value > 0 ? `+${value}` : value === 0 ? "0" : `−${-value}`}</small>
          </i>
        ))}
      </span>
      <span class="right muted small">dB</span>
    </div>
  );
}

export function rowsOf(explanation: ExplainPosteriorResponse): Rows {
  return {
    columns: ["step", "item", "occurred", "source", "grade", "cluster", "weight (dB)", "probability after", "left out (dB)", "probability if left out"],
    rows: explanation.steps.map((step) => [
      labelOf(step), step.name, dateOf(step.occurTime)?.toISOString() ?? "", step.source, step.grade, step.cluster,
      step.weightDecibans, step.probability, step.leaveOneOutDecibans, step.leaveOneOutProbability,
    ]),
  };
}

function StepText({ bar, onEvidence }: { bar: Bar; onEvidence: (() => void) | undefined }) {
  const { step } = bar;
  return (
    <span class="bridge-text">
      {onEvidence ? <button type="button" class="link" onClick={onEvidence}>{bar.label}</button> : <span>{bar.label}</span>}
      {step?.kind === Kind.EVIDENCE && (
        <span class="bridge-meta muted small">
          {step.occurTime && dayText(dateOf(step.occurTime))}
          {step.source !== "" && ` · ${spoken(idOf(step.source))}`}
          {step.grade !== "" && <Grade grade={step.grade} />}
          {step.cluster !== "" && <span class="chip">cluster {step.cluster}</span>}
        </span>
      )}
    </span>
  );
}

export function BridgeFigure(props: {
  base: Base;
  explanation: ExplainPosteriorResponse;
  pin: Record<string, string>;
  onEvidence: (item: Evidence) => void;
}) {
  const { explanation, base } = props;
  const [whole, setWhole] = useState(false);
  const bars = useMemo(() => barsOf(explanation.steps), [explanation]);
  const shown = shortened(bars, whole);
  // From the prior on: the way from even odds to the prior would leave the steps no room.
  const ends = [...shown.map((bar) => bar.to), explanation.logOddsDecibans].filter((end) => end !== undefined);
  const way = ends.length === 0 ? 0 : Math.max(...ends) - Math.min(...ends);
  const room = way === 0 ? 2 : Math.max(0.25, way * 0.08);
  const low = Math.min(...ends, ends[0] ?? 0) - room;
  const high = Math.max(...ends, ends[0] ?? 0) + room;
  const items = new Map(base.evidence.map((item) => [item.name, item]));
  return (
    <Figure
      id="bridge"
      title="Evidence bridge"
      description={<>From the prior to the answer. 10 dB multiply the odds by ten, 3 dB about double them; the steps sum to {explanation.logOddsDecibans === undefined ? "the answer" : decibans(explanation.logOddsDecibans)}.</>}
      data={rowsOf(explanation)}
      pin={props.pin}
      tools={bars.length > STEPS_MAX && (
        <button type="button" class="button quiet" onClick={() => setWhole(!whole)}>
          {whole ? "Largest steps" : `All ${bars.length} steps`}
        </button>
      )}
    >
      <div class="bridge">
        <Axis low={low} high={high} />
        <ol aria-label="Steps of the bridge">
          {shown.map((bar, i) => {
            const item = bar.step && items.get(bar.step.name);
            return (
              <li key={bar.step?.name || i} class="bridge-row">
                <StepText bar={bar} onEvidence={item && (() => props.onEvidence(item))} />
                <Track from={i === 0 ? undefined : bar.from} to={bar.to} low={low} high={high} />
                <span class="bridge-value number">
                  <strong>{bar.weight === undefined ? "–" : decibans(bar.weight)}</strong>
                  <small class="muted"> → {percent(bar.probability)}</small>
                </span>
              </li>
            );
          })}
          <li class="bridge-row sum">
            <span class="bridge-text"><strong>Posterior: {explanation.state}</strong></span>
            <Track to={explanation.logOddsDecibans} low={low} high={high} />
            <span class="bridge-value number">
              <strong>{explanation.logOddsDecibans === undefined ? "–" : decibans(explanation.logOddsDecibans)}</strong>
              <small class="muted"> = {percent(explanation.probability)}</small>
            </span>
          </li>
        </ol>
      </div>
    </Figure>
  );
}
