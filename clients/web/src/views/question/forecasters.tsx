// Who says what: the standing forecasts, their spread, the pool and the model beside them.
import type * as Plot from "@observablehq/plot";

import { PlotChart } from "../../charts/plot";
import { dateOf, idOf, inference } from "../../lib/api";
import { count, dayText, number, percent, spoken } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { colour } from "../../lib/theme";
import { Figure } from "../../ui/figure";
import type { Base, Instant } from "./data";
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
      description={said.length === 0 ? "Nobody has a standing forecast." : `${count(said.length)} standing forecast${said.length === 1 ? "" : "s"} of “${name}”${sealed > 0 ? `, ${count(sealed)} sealed` : ""}`}
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
            width, height: said.length > 12 ? 150 : 110, marginLeft: 12, marginRight: 12, marginTop: 26, marginBottom: 26,
            style: { fontSize: "12px" },
            x: { domain: [0, top], tickFormat: (value: number) => `${Math.round(100 * value)} %`, ticks: 6, label: null },
            y: { axis: null },
            marks: [
              said.length > 12
                ? plot.rectY(said, plot.binX<Plot.RectYOptions>({ y: "count" }, { x: "probability", thresholds: 20, fill: colour("--pool"), fillOpacity: 0.45, insetLeft: 1 }))
                : plot.dot(said, plot.dodgeY({ x: "probability", r: 6, fill: colour("--pool"), fillOpacity: 0.75, stroke: colour("--surface"), title: (one: (typeof said)[number]) => `${one.forecaster}: ${percent(one.probability)}` })),
              plot.ruleY([0], { stroke: colour("--line-strong") }),
              plot.ruleX(marks, { x: "probability", stroke: (mark) => colour(mark.label === "Pool" ? "--pool" : "--model"), strokeWidth: 2, strokeDasharray: "5 3" }),
              plot.text(marks, { x: "probability", frameAnchor: "top", dy: -16, text: "label", fill: (mark: (typeof marks)[number]) => colour(mark.label === "Pool" ? "--pool" : "--model"), fontWeight: 600, textAnchor: (mark: { probability: number }) => (mark.probability === Math.min(...marks.map((one) => one.probability)) && marks.length > 1 ? "end" : "start") } as object),
            ],
          })}
        />
      )}
      {said.length > 0 && (
        <ul class="said">
          {said.slice(0, 40).map((one) => (
            <li key={one.forecaster}>
              <span>{one.forecaster}<small class="muted"> since {dayText(one.since)}</small></span>
              <strong class="number">{percent(one.probability)}</strong>
              {one.rationale !== "" && <q class="small muted">{one.rationale}</q>}
            </li>
          ))}
        </ul>
      )}
    </Figure>
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
  // Mass between neighbouring quantiles, spread over their distance.
  const density = points.slice(1).flatMap((point, i) => {
    const width = point.value - points[i]!.value;
    return width > 0 ? [{ value: (point.value + points[i]!.value) / 2, density: 0.01 / width }] : [];
  });
  const shown = points.filter(({ probability }) => [0.05, 0.25, 0.5, 0.75, 0.95].includes(probability));
  const pool = instant.pool.numeric?.quantiles ?? [];
  const draw = (data: object[], y: string, label: string) => (
    <PlotChart label={label} height={150} dataKey={JSON.stringify(data)} make={(plot, width) => plot.plot({
      width, height: 150, marginLeft: 44, marginRight: 12, marginBottom: 30, style: { fontSize: "12px" },
      x: { label: unit || null }, y: { label: null, ticks: 3, grid: true, zero: true },
      marks: [
        plot.areaY(data, { x: "value", y, fill: colour("--model"), fillOpacity: 0.16, curve: "monotone-x" }),
        plot.lineY(data, { x: "value", y, stroke: colour("--model"), strokeWidth: 2, curve: "monotone-x" }),
      ],
    })} />
  );
  return (
    <Figure
      id="forecasters"
      title="Distribution"
      description={`What the model holds now, and ${count(instant.standing.length)} standing forecast${instant.standing.length === 1 ? "" : "s"}.`}
      pin={pin}
      tools={<AddButton onAdd={onAdd} />}
      data={{ columns: ["probability", `model (${unit})`], rows: points.map(({ probability, value }) => [probability, value]) }}
    >
      {points.length > 0 && (
        <>
          <h3>Density</h3>
          {draw(density, "density", "Density of the model's distribution")}
          <h3>Probability of at most</h3>
          {draw(points, "probability", "Distribution function of the model")}
        </>
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
