// Who says what: the standing forecasts, their spread, the pool and the model beside them.
import type * as Plot from "@observablehq/plot";

import { PlotChart } from "../../charts/plot";
import { dateOf, idOf } from "../../lib/api";
import { inference } from "../../lib/services";
import { count, dayText, number, percent, spoken } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { me } from "../../lib/me";
import { colour } from "../../lib/theme";
import { Figure } from "../../ui/figure";
import type { Base, Instant } from "./data";
import { binsOf, distinct, type Quantile } from "./distribution";
import type { Moment } from "./moment";

interface Props {
  base: Base;
  instant: Instant;
  moment: Moment;
  state: number;
  pin: Record<string, string>;
  onAdd: (() => void) | undefined;
}

function AddButton({ onAdd }: { onAdd: (() => void) | undefined }) {
  if (onAdd === undefined) return null;
  return <button type="button" class="button primary" onClick={onAdd}>Forecast</button>;
}

export function ForecastersFigure(props: Props) {
  return props.base.network.model?.numeric ? <NumberFigure {...props} /> : <SpreadFigure {...props} />;
}

function SpreadFigure({ instant, base, state, pin, onAdd }: Props) {
  const name = base.history.states[state] ?? "";
  // A sealed forecast says nothing until it is revealed.
  const sealed = instant.standing.filter((forecast) => forecast.seal !== undefined && forecast.probabilities.length === 0).length;
  const said = instant.standing.filter((forecast) => forecast.probabilities.length > 0).map((forecast) => ({
    forecaster: spoken(idOf(forecast.forecaster)),
    probability: forecast.probabilities[state]?.probability ?? NaN,
    since: dateOf(forecast.effectiveTime),
    rationale: forecast.rationale,
    own: idOf(forecast.forecaster) === me.value,
    weight: instant.pool.members.find((member) => member.forecaster === forecast.forecaster)?.weight,
  })).sort((a, b) => b.probability - a.probability);
  const pool = instant.pool.probabilities[state]?.probability;
  const model = instant.posterior?.posterior?.states[state]?.probability;
  const marks = [
    ...(pool === undefined ? [] : [{ label: "Pool", probability: pool }]),
    ...(model === undefined ? [] : [{ label: "Model", probability: model }]),
  ];
  const highest = Math.max(...said.map((one) => one.probability), pool ?? 0, model ?? 0);
  const top = [0.1, 0.2, 0.5].find((limit) => highest <= limit * 0.9) ?? 1;
  return (
    <Figure
      id="forecasters"
      title="Forecasters"
      description={base.poolHidden ? "What others say is hidden until you have forecast." : said.length === 0 ? "Nobody has a standing forecast." : `${count(said.length)} standing forecast${said.length === 1 ? "" : "s"} of “${name}”${sealed > 0 ? `, ${count(sealed)} sealed` : ""}`}
      pin={pin}
      tools={<AddButton onAdd={onAdd} />}
      data={{
        columns: ["forecaster", `probability of ${name}`, "since", "share of the pool", "rationale"],
        rows: [...said.map((one) => [one.forecaster, one.probability, one.since?.toISOString(), one.weight, one.rationale]),
          ...marks.map((mark) => [mark.label, mark.probability])],
      }}
    >
      {(said.length > 0 || marks.length > 0) && (
        <PlotChart
          label={`Standing forecasts: ${said.map((one) => `${one.forecaster} ${percent(one.probability)}`).slice(0, 12).join(", ")}`}
          height={said.length > 12 ? 150 : 110}
          dataKey={JSON.stringify([said, marks])}
          make={(plot, width) => plot.plot({
            width, height: said.length > 12 ? 150 : 110, marginLeft: 20, marginRight: 24, marginTop: 26, marginBottom: 26,
            style: { fontSize: "12px" },
            x: { domain: [0, top], tickFormat: (value: number) => `${Math.round(100 * value)} %`, ticks: 6, label: null },
            y: { axis: null },
            marks: [
              said.length > 12
                ? plot.rectY(said, plot.binX<Plot.RectYOptions>({ y: "count" }, { x: "probability", thresholds: 20, fill: colour("--pool"), fillOpacity: 0.45, insetLeft: 1 }))
                : plot.dot(said, plot.dodgeY({ x: "probability", r: 6, fill: colour("--pool"), fillOpacity: 0.75, stroke: (one: (typeof said)[number]) => colour(one.own ? "--text" : "--surface"), strokeWidth: (one: (typeof said)[number]) => (one.own ? 2.5 : 1), title: (one: (typeof said)[number]) => `${one.forecaster}: ${percent(one.probability)}` })),
              plot.ruleY([0], { stroke: colour("--line-strong") }),
              plot.ruleX(said.length > 12 ? said.filter((one) => one.own) : [], { x: "probability", stroke: colour("--text"), strokeWidth: 2 }),
              plot.ruleX(marks, { x: "probability", stroke: (mark) => colour(mark.label === "Pool" ? "--pool" : "--model"), strokeWidth: 2, strokeDasharray: "5 3" }),
              // The names apart: one to the left of its line, one to the right.
              ...marks.toSorted((a, b) => a.probability - b.probability).map((mark, i, both) => plot.text([mark], {
                x: "probability", frameAnchor: "top", dy: -16, text: "label", fill: colour(mark.label === "Pool" ? "--pool" : "--model"), fontWeight: 600,
                ...(both.length === 1 ? { textAnchor: "middle" as const } : i === 0 ? { textAnchor: "end" as const, dx: 3 } : { textAnchor: "start" as const, dx: -3 }),
              })),
            ],
          })}
        />
      )}
      {said.length > 0 && (
        <ul class="said">
          {said.slice(0, 40).map((one) => (
            <li key={one.forecaster}>
              <span>{one.forecaster}{one.own && <span class="chip resolved you">you</span>}<small class="muted"> since {dayText(one.since)}</small></span>
              <strong class="number">{percent(one.probability)}</strong>
              {one.rationale !== "" && <q class="small muted">{one.rationale}</q>}
            </li>
          ))}
        </ul>
      )}
    </Figure>
  );
}

const SHAPE = { height: 160, marginLeft: 48, marginRight: 14, marginTop: 14, marginBottom: 40, style: { fontSize: "12px" } };

// How likely each stretch of values is.
function DensityChart({ points, unit }: { points: Quantile[]; unit: string }) {
  const bins = binsOf(points);
  return (
    <>
      <h3>How likely each value is</h3>
      <PlotChart label="Histogram of the model's distribution" height={SHAPE.height} dataKey={JSON.stringify(bins)} make={(plot, width) => plot.plot({
        ...SHAPE, width,
        x: { label: unit || null }, y: { label: null, ticks: 4, grid: true, tickFormat: (value: number) => `${Number((100 * value).toPrecision(3))} %` },
        marks: [
          plot.rectY(bins, { x1: "low", x2: "high", y: "mass", fill: colour("--model"), fillOpacity: 0.5, insetLeft: 0.5, insetRight: 0.5 }),
          plot.ruleY([0], { stroke: colour("--line-strong") }),
        ],
      })} />
    </>
  );
}

function CumulativeChart({ points, unit }: { points: Quantile[]; unit: string }) {
  const steps = distinct(points);
  return (
    <>
      <h3>Probability of at most</h3>
      <PlotChart label="Distribution function of the model" height={SHAPE.height} dataKey={JSON.stringify(steps)} make={(plot, width) => plot.plot({
        ...SHAPE, width,
        x: { label: unit || null }, y: { label: null, domain: [0, 1], ticks: 4, grid: true, tickFormat: (value: number) => `${100 * value} %` },
        marks: [plot.lineY(steps, {
          x: "value", y: "probability", stroke: colour("--model"), strokeWidth: 2,
          curve: steps.length < points.length ? "step-after" : "linear",
        })],
      })} />
    </>
  );
}

const LEVELS = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);

// Of a number: the distribution function as published, and its density.
function NumberFigure({ instant, base, moment, pin, onAdd }: Props) {
  const unit = base.network.model?.numeric?.unit ?? "";
  const view = { asOf: { case: "position" as const, value: base.position } };
  const curve = useLoad(`${base.position}@${moment.key}`, async (signal) => {
    const response = await inference.queryPosterior({
      target: { name: base.question.name, view, ...(moment.effectiveTime && { effectiveTime: moment.effectiveTime }) },
      quantileLevels: LEVELS,
    }, { signal });
    return response.posterior?.numeric;
  });
  const points = (curve.data?.quantiles ?? []).map(({ probability, value }) => ({ probability, value }));
  const shown = points.filter(({ probability }) => [0.05, 0.25, 0.5, 0.75, 0.95].includes(probability));
  const pool = instant.pool.numeric?.quantiles ?? [];
  return (
    <Figure
      id="forecasters"
      title="Distribution"
      description={`What the model holds now, and ${count(instant.pool.forecastCount)} standing forecast${instant.pool.forecastCount === 1n ? "" : "s"}${base.poolHidden ? ", hidden until you have forecast" : ""}.`}
      pin={pin}
      tools={<AddButton onAdd={onAdd} />}
      data={{ columns: ["probability", `model (${unit})`], rows: points.map(({ probability, value }) => [probability, value]) }}
    >
      {points.length > 0 && (
        <div class="pair">
          <div><DensityChart points={points} unit={unit} /></div>
          <div><CumulativeChart points={points} unit={unit} /></div>
        </div>
      )}
      <table class="quantiles">
        <thead><tr><th>Quantile</th><th class="right">Model</th><th class="right">Pool</th></tr></thead>
        <tbody>
          {shown.map(({ probability, value }) => (
            <tr key={probability}>
              <td>{Math.round(100 * probability)} %</td>
              <td class="right">{number(value)}</td>
              <td class="right">{number(pool.find((point) => point.probability === probability)?.value ?? NaN)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Figure>
  );
}
