// The fields of a report, for recording one and for supposing one.
import { create } from "@bufbuild/protobuf";
import { useEffect, useState } from "preact/hooks";

import { type EvidenceModel, EvidenceModelSchema } from "../../gen/credence/event/v1/evidence_model_pb";
import { type Node, NodeRole } from "../../gen/credence/event/v1/network_model_pb";
import type { Network } from "../../gen/credence/v1/network_service_pb";
import type { Source } from "../../gen/credence/v1/evidence_service_pb";
import { all, idOf, timestampOf } from "../../lib/api";
import { evidence } from "../../lib/services";
import { decibans, number, spoken } from "../../lib/format";
import { Field, gradeText, Segments } from "../../ui/parts";

export type Form = "ratio" | "state" | "likelihoods" | "measurement" | "count" | "exposure";

export interface Draft {
  node: string;
  summary: string;
  form: Form;
  // Weight for the first of two states in decibans: what the slider holds.
  weight: number;
  state: string;
  likelihoods: string[];
  numbers: [string, string];
  grade: string;
  source: string;
  occurred: string;
  cluster: string;
  url: string;
}

export function nodesOf(network: Network): Node[] {
  return network.model?.nodes ?? [];
}

export function newDraft(network: Network, node: string): Draft {
  const numeric = network.model?.numeric;
  const states = nodesOf(network).find((one) => one.node === node)?.states ?? [];
  const form = numeric === undefined
    ? states.length === 2 ? "ratio" : "state"
    : numeric.prior.case === "betaBinomial" ? "count" : numeric.prior.case === "gammaPoisson" ? "exposure" : "measurement";
  return {
    node, summary: "", form, weight: 3, state: states[0] ?? "", likelihoods: states.map(() => "1"),
    numbers: ["", ""], grade: "", source: "", cluster: "", url: "",
    occurred: new Date().toISOString().slice(0, 16),
  };
}

function statementOf(draft: Draft): EvidenceModel["statement"] {
  const [first, second] = draft.numbers;
  switch (draft.form) {
    case "ratio": return { case: "likelihoodRatio", value: 10 ** (draft.weight / 10) };
    case "state": return { case: "observedState", value: draft.state };
    case "likelihoods":
      return { case: "likelihoods", value: { $typeName: "credence.event.v1.StateValues", values: draft.likelihoods.map(Number) } };
    case "measurement":
      return { case: "measurement", value: { $typeName: "credence.event.v1.NumericMeasurement", value: Number(first), ...(second !== "" && { deviation: Number(second) }) } };
    case "count":
      return { case: "count", value: { $typeName: "credence.event.v1.CountObservation", successCount: BigInt(first || 0), trialCount: BigInt(second || 0), successProbabilities: [] } };
    case "exposure":
      return { case: "exposureCount", value: { $typeName: "credence.event.v1.ExposureObservation", eventCount: BigInt(first || 0), exposureDays: Number(second), dailyRates: [] } };
  }
}

// Whether enough is filled in for the server to judge it.
export function isWhole(draft: Draft): boolean {
  const whole = /^\d+$/;
  switch (draft.form) {
    case "ratio": case "state": return true;
    case "likelihoods": return draft.likelihoods.every((text) => text !== "" && Number.isFinite(Number(text)));
    case "measurement": return draft.numbers[0] !== "" && Number.isFinite(Number(draft.numbers[0]));
    case "count": return draft.numbers.every((text) => whole.test(text));
    case "exposure": return whole.test(draft.numbers[0]) && Number(draft.numbers[1]) > 0;
  }
}

export function modelOf(draft: Draft): EvidenceModel {
  const occurred = Date.parse(`${draft.occurred}Z`) / 1000;
  return create(EvidenceModelSchema, {
    node: draft.node, summary: draft.summary, url: draft.url, source: draft.source, grade: draft.grade,
    cluster: draft.cluster, statement: statementOf(draft),
    ...(Number.isFinite(occurred) && { occurTime: timestampOf(occurred) }),
  });
}

function useSources(): Source[] {
  const [sources, setSources] = useState<Source[]>([]);
  useEffect(() => {
    all((page) => evidence.listSources({ page }), (response) => response.sources).then(setSources, () => undefined);
  }, []);
  return sources;
}

type Change = (changes: Partial<Draft>) => void;

function RatioField({ draft, states, change }: { draft: Draft; states: string[]; change: Change }) {
  const ratio = 10 ** (Math.abs(draft.weight) / 10);
  const [more, less] = draft.weight >= 0 ? [states[0], states[1]] : [states[1], states[0]];
  return (
    <Field
      label={`How much more likely is this report under “${states[0]}” than under “${states[1]}”?`}
      hint={draft.weight === 0
        ? "It says nothing either way."
        : <>{number(ratio, 3)} times as likely under <strong>{more}</strong> as under {less} ({decibans(draft.weight)})</>}
    >
      {(attributes) => (
        <input type="range" {...attributes} min={-20} max={20} step={0.5} value={draft.weight}
          aria-valuetext={`${number(ratio, 3)} times as likely under ${more}`}
          onInput={(event) => change({ weight: Number(event.currentTarget.value) })} />
      )}
    </Field>
  );
}

function NumberPair({ draft, change, labels }: { draft: Draft; change: Change; labels: [string, string] }) {
  return (
    <div class="pair">
      {labels.map((label, i) => (
        <Field key={label} label={label}>
          {(attributes) => (
            <input type="text" inputMode="decimal" {...attributes} value={draft.numbers[i]}
              onInput={(event) => {
                const numbers: [string, string] = [...draft.numbers];
                numbers[i] = event.currentTarget.value.trim();
                change({ numbers });
              }} />
          )}
        </Field>
      ))}
    </div>
  );
}

function StatementFields({ draft, states, unit, change }: { draft: Draft; states: string[]; unit: string; change: Change }) {
  const forms: [Form, string][] = states.length === 2
    ? [["ratio", "Weighs"], ["state", "Was seen"]]
    : [["state", "Was seen"], ["likelihoods", "Likelihoods"]];
  switch (draft.form) {
    case "measurement": return <NumberPair draft={draft} change={change} labels={[`Measured value${unit && ` (${unit})`}`, "Its standard deviation"]} />;
    case "count": return <NumberPair draft={draft} change={change} labels={["Successes", "Trials"]} />;
    case "exposure": return <NumberPair draft={draft} change={change} labels={["Events", "Days"]} />;
    default:
      return (
        <>
          <Segments label="Kind of statement" value={draft.form} options={forms} onChange={(form) => change({ form })} />
          {draft.form === "ratio" && <RatioField draft={draft} states={states} change={change} />}
          {draft.form === "state" && (
            <Field label="State that was reported" hint="How far the source is believed comes from its grade.">
              {(attributes) => (
                <select {...attributes} value={draft.state} onChange={(event) => change({ state: event.currentTarget.value })}>
                  {states.map((state) => <option key={state}>{state}</option>)}
                </select>
              )}
            </Field>
          )}
          {draft.form === "likelihoods" && (
            <fieldset>
              <legend>How likely is this report in each state? Only the ratios count.</legend>
              <div class="pair">
                {states.map((state, i) => (
                  <Field key={state} label={state}>
                    {(attributes) => (
                      <input type="text" inputMode="decimal" {...attributes} value={draft.likelihoods[i]}
                        onInput={(event) => change({ likelihoods: draft.likelihoods.map((old, j) => (i === j ? event.currentTarget.value : old)) })} />
                    )}
                  </Field>
                ))}
              </div>
            </fieldset>
          )}
        </>
      );
  }
}

const ROLE_TEXT: Record<NodeRole, string> = {
  [NodeRole.UNSPECIFIED]: "", [NodeRole.QUESTION]: "question", [NodeRole.INDICATOR]: "indicator", [NodeRole.DRIVER]: "driver",
};

export function NodeField({ network, node, onNode }: { network: Network; node: string; onNode: (node: string) => void }) {
  const nodes = nodesOf(network);
  if (nodes.length < 2) return null;
  const chosen = nodes.find((one) => one.node === node);
  return (
    <Field label="What it bears on" hint={chosen?.description}>
      {(attributes) => (
        <select {...attributes} value={node} onChange={(event) => onNode(event.currentTarget.value)}>
          {nodes.map((one) => <option key={one.node} value={one.node}>{spoken(one.node)} ({ROLE_TEXT[one.role]})</option>)}
        </select>
      )}
    </Field>
  );
}

function GradeField({ draft, change }: { draft: Draft; change: Change }) {
  const letter = draft.grade.charAt(0);
  const digit = draft.grade.charAt(1);
  const set = (nextLetter: string, nextDigit: string) =>
    change({ grade: nextLetter === "" ? "" : nextLetter + (nextDigit || "3") });
  return (
    <Field label="Grade" hint={draft.grade === "" ? "Without a grade the report is taken at its word." : gradeText(draft.grade)}>
      {(attributes) => (
        <span class="grade-pick">
          <select {...attributes} aria-label="Reliability of the source" value={letter} onChange={(event) => set(event.currentTarget.value, digit)}>
            <option value="">none</option>
            {[..."ABCDEF"].map((one) => <option key={one}>{one}</option>)}
          </select>
          <select aria-label="Credibility of the report" value={digit} disabled={letter === ""} onChange={(event) => set(letter, event.currentTarget.value)}>
            {letter === "" && <option value="" />}
            {[..."123456"].map((one) => <option key={one}>{one}</option>)}
          </select>
        </span>
      )}
    </Field>
  );
}

export function DraftFields({ network, draft, change, brief }: {
  network: Network;
  draft: Draft;
  change: Change;
  // Only what moves the number.
  brief: boolean;
}) {
  const sources = useSources();
  const states = nodesOf(network).find((one) => one.node === draft.node)?.states ?? [];
  const toNode = (node: string) => {
    const fresh = newDraft(network, node);
    change({ node, form: fresh.form, state: fresh.state, likelihoods: fresh.likelihoods });
  };
  return (
    <>
      {!brief && (
        <Field label="What was reported" hint="One sentence for people.">
          {(attributes) => <input type="text" required {...attributes} value={draft.summary} onInput={(event) => change({ summary: event.currentTarget.value })} />}
        </Field>
      )}
      <NodeField network={network} node={draft.node} onNode={toNode} />
      <StatementFields draft={draft} states={states} unit={network.model?.numeric?.unit ?? ""} change={change} />
      <div class="pair">
        <GradeField draft={draft} change={change} />
        {!brief && (
          <Field label="Source" hint={<>Not in the list? <a href="/sources">Add it</a> first.</>}>
            {(attributes) => (
              <select {...attributes} value={draft.source} onChange={(event) => change({ source: event.currentTarget.value })}>
                <option value="">not stated</option>
                {sources.map((source) => <option key={source.name} value={source.name}>{source.displayName || spoken(idOf(source.name))}</option>)}
              </select>
            )}
          </Field>
        )}
      </div>
      {!brief && (
        <div class="pair">
          <Field label="When it happened (UTC)">
            {(attributes) => <input type="datetime-local" {...attributes} value={draft.occurred} onInput={(event) => change({ occurred: event.currentTarget.value })} />}
          </Field>
          <Field label="Cluster" hint="Reports that share an origin share a cluster.">
            {(attributes) => <input type="text" {...attributes} value={draft.cluster} onInput={(event) => change({ cluster: event.currentTarget.value.trim() })} />}
          </Field>
        </div>
      )}
      {!brief && (
        <Field label="Where it can be read">
          {(attributes) => <input type="url" {...attributes} placeholder="https://" value={draft.url} onInput={(event) => change({ url: event.currentTarget.value.trim() })} />}
        </Field>
      )}
    </>
  );
}
