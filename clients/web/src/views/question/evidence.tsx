// What was reported: a table of the items, and one of them in full.
import { useState } from "preact/hooks";

import type { EvidenceModel } from "../../gen/credence/event/v1/evidence_model_pb";
import { type Evidence, Evidence_State as State } from "../../gen/credence/v1/evidence_service_pb";
import type { ExplanationStep } from "../../gen/credence/v1/inference_service_pb";
import { dateOf, idOf } from "../../lib/api";
import { evidence as service } from "../../lib/services";
import { dayText, decibans, number, percent, spoken, timeText } from "../../lib/format";
import { Figure } from "../../ui/figure";
import { Dialog, Grade, gradeText, Problem, Segments } from "../../ui/parts";
import { inForce, type Base } from "./data";
import type { Moment } from "./moment";

// What an item says, in a few words.
export function statementText(model: EvidenceModel | undefined): string {
  const statement = model?.statement;
  switch (statement?.case) {
    case "likelihoodRatio": return `likelihood ratio ${number(statement.value)}`;
    case "weightDecibans": return `${decibans(statement.value)} for the first state`;
    case "likelihoodPair": return `likelihoods ${number(statement.value.givenTrue)} and ${number(statement.value.givenFalse)}`;
    case "likelihoods": return `likelihoods ${statement.value.values.map((value) => number(value)).join(" : ")}`;
    case "observedState": return `seen: ${statement.value}`;
    case "newMarginal": return `marginal becomes ${statement.value.values.map(percent).join(", ")}`;
    case "count": return `${statement.value.successCount} of ${statement.value.trialCount}`;
    case "exposureCount": return `${statement.value.eventCount} in ${number(statement.value.exposureDays)} days`;
    case "statedProbability": return `stated ${statement.value.probabilities.map(percent).join(", ")}`;
    case "hazardRatio": return `hazard × ${number(statement.value)}`;
    case "measurement": return `measured ${number(statement.value.value)}`;
    default: return "";
  }
}

function StateOf({ item, at }: { item: Evidence; at: number | undefined }) {
  if (inForce(item, at)) return <span class="chip active">in force</span>;
  if (item.state === State.RETRACTED) return <span class="chip bad">retracted</span>;
  if (item.state === State.SUPERSEDED) return <span class="chip warn">superseded</span>;
  return <span class="chip">not yet</span>;
}

export function EvidenceFigure(props: {
  base: Base;
  moment: Moment;
  steps: ExplanationStep[];
  pin: Record<string, string>;
  onEvidence: (item: Evidence) => void;
  onAdd: (() => void) | undefined;
}) {
  const { base, moment } = props;
  const [which, setWhich] = useState<"force" | "all">("all");
  const weights = new Map(props.steps.map((step) => [step.name, step]));
  const items = base.evidence.filter((item) => which === "all" || inForce(item, moment.at)).toReversed();
  return (
    <Figure
      id="evidence"
      title="Evidence"
      description={`${base.evidence.filter((item) => inForce(item, moment.at)).length} of ${base.evidence.length} items in force. Grades are the Admiralty code.`}
      pin={props.pin}
      data={{
        columns: ["item", "summary", "node", "occurred", "source", "grade", "reliability", "cluster", "statement", "weight (dB)", "left out (dB)"],
        rows: items.map((item) => [
          idOf(item.name), item.model?.summary, item.model?.node, dateOf(item.model?.occurTime)?.toISOString() ?? "",
          item.model?.source, item.model?.grade, item.effectiveReliability, item.model?.cluster, statementText(item.model),
          weights.get(item.name)?.weightDecibans, weights.get(item.name)?.leaveOneOutDecibans,
        ]),
      }}
      tools={
        <>
          <Segments label="Which items" value={which} options={[["all", "All"], ["force", "In force"]]} onChange={setWhich} />
          {props.onAdd && <button type="button" class="button primary" onClick={props.onAdd}>Add a report</button>}
        </>
      }
    >
      {items.length === 0 ? <div class="empty">Nothing has been reported.</div> : (
        <div class="scroll-x" tabIndex={0} role="region" aria-label="Table of evidence">
          <table class="evidence">
            <thead>
              <tr>
                <th>Occurred</th><th>Report</th><th>Source</th><th>Grade</th><th>Cluster</th>
                <th class="right">Weight</th><th class="right">Left out</th><th>State</th>
              </tr>
            </thead>
            <tbody>
              {items.map((item) => {
                const step = weights.get(item.name);
                return (
                  <tr key={item.name} class={inForce(item, moment.at) ? "" : "ended"}>
                    <td class="number">{dayText(dateOf(item.model?.occurTime ?? item.effectiveTime))}</td>
                    <td class="report">
                      <button type="button" class="link" onClick={() => props.onEvidence(item)}>{item.model?.summary || idOf(item.name)}</button>
                      <div class="muted small">{item.model?.node} · {statementText(item.model)}</div>
                    </td>
                    <td>{item.model?.source ? spoken(idOf(item.model.source)) : "–"}</td>
                    <td><Grade grade={item.model?.grade ?? ""} /></td>
                    <td>{item.model?.cluster || "–"}</td>
                    <td class="right">{step?.weightDecibans === undefined ? "–" : decibans(step.weightDecibans)}</td>
                    <td class="right">{step?.leaveOneOutDecibans === undefined ? "–" : decibans(step.leaveOneOutDecibans)}</td>
                    <td><StateOf item={item} at={moment.at} /></td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Figure>
  );
}

function Retract({ item, onDone }: { item: Evidence; onDone: () => void }) {
  const [error, setError] = useState<unknown>();
  const [rationale, setRationale] = useState("");
  const retract = async () => {
    try {
      await service.retractEvidence({ name: item.name, rationale });
      onDone();
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <details class="more">
      <summary>Retract this item</summary>
      <div class="stack">
        <p class="small muted">It will contribute nothing from now on. The ledger keeps it, and that it was retracted.</p>
        <label class="field"><span>Why</span>
          <input type="text" value={rationale} onInput={(event) => setRationale(event.currentTarget.value)} />
        </label>
        {error !== undefined && <Problem error={error} />}
        <div><button type="button" class="button" onClick={retract}>Retract</button></div>
      </div>
    </details>
  );
}

export function EvidenceDialog({ item, step, live, onClose }: {
  item: Evidence;
  step: ExplanationStep | undefined;
  // Whether the page stands at now, where things can be changed.
  live: boolean;
  onClose: () => void;
}) {
  const model = item.model;
  return (
    <Dialog title={model?.summary || idOf(item.name)} onClose={onClose}>
      <dl class="facts">
        <dt>Says</dt><dd>{statementText(model)} on <strong>{model?.node}</strong></dd>
        <dt>Occurred</dt><dd>{timeText(dateOf(model?.occurTime))}</dd>
        <dt>Counts from</dt><dd>{timeText(dateOf(item.effectiveTime))}{item.endTime && ` to ${timeText(dateOf(item.endTime))}`}</dd>
        <dt>Recorded</dt><dd>{timeText(dateOf(item.recordTime))} by {item.actor}</dd>
        <dt>Source</dt><dd>{model?.source ? spoken(idOf(model.source)) : "not stated"}</dd>
        {model?.url && <><dt>Read at</dt><dd>{/^https?:/.test(model.url) ? <a href={model.url} rel="noopener noreferrer" target="_blank">{model.url}</a> : model.url}</dd></>}
        <dt>Grade</dt><dd>{model?.grade ? <><Grade grade={model.grade} /> {gradeText(model.grade)}</> : "none"}; counts as {percent(item.effectiveReliability)} reliable</dd>
        <dt>Cluster</dt><dd>{model?.cluster || "independent"}</dd>
        {step?.weightDecibans !== undefined && <><dt>Weight</dt><dd>{decibans(step.weightDecibans)}, to {percent(step.probability)}</dd></>}
        {step?.leaveOneOutDecibans !== undefined && <><dt>If left out</dt><dd>{decibans(step.leaveOneOutDecibans)}, to {percent(step.leaveOneOutProbability ?? 0)}</dd></>}
        <dt>Position</dt><dd><a href={`/ledger?position=${item.position}`}>event {String(item.position)}</a></dd>
        <dt>Id</dt><dd><code>{idOf(item.name)}</code></dd>
      </dl>
      {live && item.state === State.ACTIVE && <Retract item={item} onDone={onClose} />}
    </Dialog>
  );
}
