// What to watch next: which observation would teach most, and where each of its states would lead.
import type { IndicatorRank } from "../../gen/credence/v1/inference_service_pb";
import { number, percent, spoken } from "../../lib/format";
import { Figure } from "../../ui/figure";
import type { Base, Instant } from "./data";

const SHOWN = 8;

// Where the answer would go, from the lowest to the highest, with the present as a line.
function Reach({ indicator, now, top }: { indicator: IndicatorRank; now: number; top: number }) {
  const x = (probability: number) => `${(100 * probability) / top}%`;
  const targets = indicator.outcomes.map((outcome) => outcome.targetProbability);
  const low = Math.min(...targets);
  const high = Math.max(...targets);
  return (
    <span class="track reach" aria-hidden="true">
      <i class="bar down" style={{ left: x(low), width: `${(100 * Math.max(0, now - low)) / top}%` }} />
      <i class="bar up" style={{ left: x(now), width: `${(100 * Math.max(0, high - now)) / top}%` }} />
      <i class="zero" style={{ left: x(now) }} />
    </span>
  );
}

export function WatchFigure({ base, instant, pin }: { base: Base; instant: Instant; pin: Record<string, string> }) {
  const ranked = instant.indicators.filter((indicator) => indicator.mutualInformationBits > 0);
  const shown = ranked.slice(0, SHOWN);
  const first = instant.posterior?.posterior?.states[0];
  const now = first?.probability ?? 0;
  const top = Math.max(now, ...shown.flatMap(({ outcomes }) => outcomes.map((outcome) => outcome.targetProbability))) * 1.05;
  const most = shown[0]?.mutualInformationBits ?? 1;
  const nodes = new Map((base.network.model?.nodes ?? []).map((node) => [node.node, node]));
  return (
    <Figure
      id="watch"
      title="What to watch"
      description="Ranked by how much an observation is expected to teach about the answer; the bar spans where it could lead."
      pin={pin}
      data={{
        columns: ["node", "information (bits)", "Brier reduction", "state", "its probability", `then ${first?.state ?? ""}`],
        rows: ranked.flatMap((indicator) => indicator.outcomes.map((outcome) => [
          indicator.node, indicator.mutualInformationBits, indicator.expectedBrierReduction,
          outcome.state, outcome.probability, outcome.targetProbability,
        ])),
      }}
    >
      {shown.length === 0 ? <div class="empty">Nothing left to see would change the answer.</div> : (
        <ol class="watch">
          {shown.map((indicator) => (
            <li key={indicator.node}>
              <div class="watch-head">
                <strong title={nodes.get(indicator.node)?.description}>{spoken(indicator.node)}</strong>
                <span class="meter" aria-hidden="true"><i style={{ width: `${(100 * indicator.mutualInformationBits) / most}%` }} /></span>
                <span class="muted small number">{number(indicator.mutualInformationBits, 2)} bits</span>
              </div>
              <Reach indicator={indicator} now={now} top={top} />
              <div class="outcomes small">
                {indicator.outcomes.map((outcome) => (
                  <span key={outcome.state}>{outcome.state} <span class="muted">({percent(outcome.probability)})</span> → <strong class="number">{percent(outcome.targetProbability)}</strong></span>
                ))}
              </div>
            </li>
          ))}
        </ol>
      )}
    </Figure>
  );
}
