// Reliability: what was said against how often it came true, by isotonic regression, so that no choice
// of bins decides the picture (CORP: Dimitriadis, Gneiting and Jordan 2021).
import { PlotChart } from "../../charts/plot";
import { scores } from "../../lib/services";
import { count, number, percent, subjectText } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { colour } from "../../lib/theme";
import { Figure } from "../../ui/figure";
import { Problem, Skeleton } from "../../ui/parts";
import { BorneOutFigure } from "./borne_out";

export interface SubjectProps {
  subject: string;
  rule: string;
  backfilled: boolean;
  tag: string;
  position: bigint | undefined;
  pin: Record<string, string>;
}

const HEIGHT = 340;

export function CalibrationFigure({ subject, backfilled, tag, position, pin }: SubjectProps) {
  const { data, error } = useLoad(JSON.stringify([subject, backfilled, tag, String(position)]), (signal) =>
    scores.getCalibration({
      subject, filter: { backfilled, tag },
      ...(position !== undefined && { view: { asOf: { case: "position", value: position } } }),
    }, { signal }));
  if (data?.weights !== undefined) return <BorneOutFigure subject={subject} weights={data.weights} pin={pin} />;
  const steps = (data?.steps ?? []).map((step) => ({
    from: step.probabilityMin, to: step.probabilityMax, rate: step.observedRate, count: Number(step.forecastCount),
  }));
  const band = (data?.band ?? []).map(({ probability, low, high }) => ({ probability, low, high }));
  const line = steps.flatMap((step) => [{ x: step.from, y: step.rate }, { x: step.to, y: step.rate }]);
  const most = Math.max(...steps.map((step) => step.count), 1);
  return (
    <Figure
      id="calibration"
      title={`Calibration of ${subjectText(subject)}`}
      description={data && `${count(data.questionCount)} yes/no question${data.questionCount === 1n ? "" : "s"}, the last forecast on each. Band: where nine in ten calibrated forecasters would lie.`}
      pin={pin}
      data={data && {
        columns: ["forecast from", "to", "came true", "forecasts"],
        rows: steps.map((step) => [step.from, step.to, step.rate, step.count]),
      }}
    >
      {error !== undefined && <Problem error={error} />}
      {data === undefined && error === undefined && <Skeleton height={HEIGHT} />}
      {data !== undefined && steps.length === 0 && <div class="empty">No yes/no question of {subjectText(subject)} has been scored.</div>}
      {steps.length > 0 && (
        <>
          <PlotChart
            label={`Reliability diagram: ${steps.map((step) => `said ${percent(step.from)} to ${percent(step.to)}, came true ${percent(step.rate)} of ${step.count}`).slice(0, 8).join("; ")}`}
            height={HEIGHT}
            dataKey={JSON.stringify([steps, band])}
            make={(plot, width) => plot.plot({
              width: Math.min(width, 460), height: HEIGHT, marginLeft: 46, marginBottom: 38, style: { fontSize: "12px" },
              x: { domain: [0, 1], label: "what was said →", tickFormat: (value: number) => `${100 * value} %`, ticks: 5 },
              y: { domain: [-0.12, 1], label: "↑ how often it came true", tickFormat: (value: number) => `${100 * value} %`, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] },
              marks: [
                plot.areaY(band, { x: "probability", y1: "low", y2: "high", fill: colour("--muted"), fillOpacity: 0.18 }),
                plot.line([[0, 0], [1, 1]], { stroke: colour("--muted"), strokeDasharray: "4 4" }),
                // Counts, below the diagram.
                plot.rect(steps, { x1: (step) => step.from - 0.006, x2: (step) => step.to + 0.006, y1: -0.12, y2: (step) => -0.12 + (0.1 * step.count) / most, fill: colour("--muted"), fillOpacity: 0.6 }),
                plot.line(line, { x: "x", y: "y", stroke: colour("--model"), strokeWidth: 2.2 }),
                plot.dot(steps, { x: (step) => (step.from + step.to) / 2, y: "rate", r: 4, fill: colour("--model"), title: (step) => `${step.count} forecasts` }),
              ],
            })}
          />
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Scores taken apart"><table class="parts">
            <thead><tr><th>Score taken apart</th><th class="right">Score</th><th class="right">Miscalibration</th><th class="right">Discrimination</th><th class="right">Uncertainty</th></tr></thead>
            <tbody>
              {data!.corp.map((part) => (
                <tr key={part.rule}><td>{part.rule}</td><td class="right">{number(part.score)}</td><td class="right">{number(part.miscalibration)}</td><td class="right">{number(part.discrimination)}</td><td class="right">{number(part.uncertainty)}</td></tr>
              ))}
            </tbody>
          </table></div>
          {data!.miscalibrationPValue !== undefined && (
            <p class="small muted settled">{percent(data!.miscalibrationPValue)} of calibrated forecasters would look at least as miscalibrated. Base rate {percent(data!.baseRate)}.</p>
          )}
        </>
      )}
    </Figure>
  );
}
