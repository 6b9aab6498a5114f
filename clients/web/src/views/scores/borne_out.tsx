// Whether what a source reported was borne out: how much each weight of evidence claimed, and how
// often the favoured state came true.
import { PlotChart } from "../../charts/plot";
import type { WeightCalibration } from "../../gen/credence/v1/score_service_pb";
import { idOf } from "../../lib/api";
import { count, decibans, number, percent, subjectText } from "../../lib/format";
import { colour } from "../../lib/theme";
import { Figure } from "../../ui/figure";

const HEIGHT = 280;

function bandText(low: number, high: number | undefined): string {
  return high === undefined ? `${number(low)} dB and more` : `${number(low)} to ${number(high)} dB`;
}

// The slope of Cox's regression in words.
function slopeText(slope: number): string {
  if (slope < 0) return "its reports mislead";
  if (slope < 0.9) return "its reports claim too much";
  return slope > 1.1 ? "its reports claim too little" : "its reports weigh what they claim";
}

export function BorneOutFigure({ subject, weights, pin }: {
  subject: string;
  weights: WeightCalibration;
  pin: Record<string, string>;
}) {
  const bands = weights.bands.filter((band) => band.claimCount > 0n)
    .map((band) => ({ text: bandText(band.weightMin, band.weightMax), claims: Number(band.claimCount), expected: band.expectedRate, observed: band.observedRate }));
  return (
    <Figure
      id="calibration"
      title={`Was ${subjectText(subject)} borne out?`}
      description={`${count(weights.claimCount)} reports on ${count(weights.questionCount)} yes/no questions that were decided, by how far they moved the odds.`}
      pin={pin}
      data={{
        columns: ["question", "evidence", "before", "after", "weight (dB)", "earned (dB)"],
        rows: weights.claims.map((claim) => [idOf(claim.question), claim.evidence.map(idOf).join(" "), claim.priorProbability, claim.posteriorProbability, claim.weightDecibans, claim.gainDecibans]),
      }}
    >
      {bands.length === 0 ? <div class="empty">No report of {subjectText(subject)} was on a yes/no question that has been decided.</div> : (
        <>
          <PlotChart
            label={`Share of reports whose favoured state came true: ${bands.map((band) => `${band.text}: ${percent(band.observed)}, expected ${percent(band.expected)}`).join("; ")}`}
            height={HEIGHT}
            dataKey={JSON.stringify(bands)}
            make={(plot, width) => plot.plot({
              width: Math.min(width, 520), height: HEIGHT, marginLeft: 50, marginBottom: 44, style: { fontSize: "12px" },
              x: { label: "weight of the report", domain: bands.map((band) => band.text) },
              y: { domain: [0, 1], label: "↑ the favoured state came true", tickFormat: (value: number) => `${100 * value} %`, ticks: 5, grid: true },
              marks: [
                plot.barY(bands, { x: "text", y: "observed", fill: colour("--model"), fillOpacity: 0.55, inset: 6 }),
                plot.tickY(bands, { x: "text", y: "expected", stroke: colour("--pool"), strokeWidth: 3 }),
                plot.text(bands, { x: "text", y: "observed", text: (band: (typeof bands)[number]) => `${band.claims}`, dy: -8 }),
                plot.ruleY([0], { stroke: colour("--line-strong") }),
              ],
            })}
          />
          <p class="small muted">Bars: how often it did, with the number of reports. Lines: how often it should have.</p>
        </>
      )}
      <dl class="facts settled">
        {weights.slope !== undefined && (
          <><dt>Slope</dt><dd>{number(weights.slope, 3)}{weights.slopeStandardError !== undefined && ` ± ${number(weights.slopeStandardError, 2)}`}: {slopeText(weights.slope)}</dd></>
        )}
        {weights.gainDecibans !== undefined && (
          <><dt>Earned</dt><dd>{decibans(weights.gainDecibans)} a report; {decibans(weights.expectedGainDecibans)} had all been right</dd></>
        )}
      </dl>
    </Figure>
  );
}
