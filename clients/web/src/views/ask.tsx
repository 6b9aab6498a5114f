// Asking a question: yes or no, one of several, a number, or a node of a network.
import { useEffect, useMemo, useState } from "preact/hooks";

import { NodeRole } from "../gen/credence/event/v1/network_model_pb";
import { all, idOf, questions, timestampOf } from "../lib/api";
import { networks } from "../lib/services";
import { idFrom, spoken } from "../lib/format";
import { useLoad } from "../lib/load";
import { navigate, query } from "../lib/router";
import { Field, Problem, Segments } from "../ui/parts";
import { isWholeNumber, newNumber, type NumberDraft, NumberFields, numberModel } from "./forms/number";
import { StateInputs } from "./forms/values";
import { useWrite } from "./forms/write";

const MONTH = 30 * 86_400_000;

type Kind = "yesno" | "options" | "number" | "node";

const KINDS: [Kind, string][] = [["yesno", "Yes or no"], ["options", "One of several"], ["number", "A number"], ["node", "In a network"]];

interface Draft {
  kind: Kind;
  title: string;
  criteria: string;
  // As typed; empty where it follows from the title.
  id: string;
  closes: string;
  tags: string;
  options: string;
  // Probabilities of the states.
  prior: number[];
  number: NumberDraft;
  network: string;
  node: string;
  withoutModel: boolean;
  ordered: boolean;
  hidesPool: boolean;
}

function newDraft(): Draft {
  const network = query.value.get("network") ?? "";
  return {
    kind: network === "" ? "yesno" : "node", title: "", criteria: "", id: "",
    closes: `${new Date(Date.now() + MONTH).toISOString().slice(0, 10)}T00:00`, tags: "", options: "",
    prior: [0.5, 0.5], number: newNumber(), network, node: query.value.get("node") ?? "",
    withoutModel: false, ordered: false, hidesPool: false,
  };
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function statesOf(draft: Draft): string[] {
  return draft.kind === "options" ? linesOf(draft.options) : ["yes", "no"];
}

function idOfDraft(draft: Draft): string {
  return draft.id.trim() || idFrom(draft.title);
}

// What is sent: only the fields that the kind has.
function requestOf(draft: Draft) {
  const closes = Date.parse(`${draft.closes}Z`) / 1000;
  const sum = draft.prior.reduce((total, value) => total + value, 0);
  const modelled = draft.kind !== "node" && draft.kind !== "number" && !draft.withoutModel;
  return {
    questionId: idOfDraft(draft),
    question: {
      title: draft.title.trim(), resolutionCriteria: draft.criteria.trim(), hidesPool: draft.hidesPool,
      tags: draft.tags.split(",").map((tag) => tag.trim()).filter((tag) => tag !== ""),
      ...(draft.kind === "node" ? { network: draft.network, node: draft.node } : { withoutModel: draft.withoutModel }),
      ...(draft.kind !== "node" && Number.isFinite(closes) && { closeTime: timestampOf(closes) }),
      ...(draft.kind === "options" && { states: statesOf(draft), ordered: draft.ordered }),
      ...(draft.kind === "number" && { numeric: numberModel(draft.number, draft.withoutModel) }),
      ...(modelled && {
        prior: { row: { case: "fixed" as const, value: { probabilities: draft.prior.map((value) => value / sum) } } },
      }),
    },
  };
}

function isWhole(draft: Draft): boolean {
  if (draft.title.trim() === "" || idOfDraft(draft) === "") return false;
  if (draft.kind === "node") return draft.network !== "" && draft.node !== "";
  if (draft.kind === "options") return statesOf(draft).length >= 2;
  return draft.kind !== "number" || draft.withoutModel || isWholeNumber(draft.number);
}

type Change = (changes: Partial<Draft>) => void;

function OptionFields({ draft, change }: { draft: Draft; change: Change }) {
  const count = statesOf(draft).length;
  return (
    <>
      <Field label="What may come true" hint={count < 2 ? "One on each line; exactly one of them will be true." : `${count} answers`}>
        {(attributes) => (
          <textarea {...attributes} required value={draft.options} onInput={(event) => {
            const options = event.currentTarget.value;
            const n = linesOf(options).length;
            change({ options, ...(n !== count && { prior: Array<number>(n).fill(1 / n) }) });
          }} />
        )}
      </Field>
      {count > 2 && (
        <label class="tick">
          <input type="checkbox" checked={draft.ordered} onChange={(event) => change({ ordered: event.currentTarget.checked })} />
          <span>They have an order: a near miss costs less.</span>
        </label>
      )}
    </>
  );
}

// Nodes that a question can be put on: of each network those that no question asks about yet.
function useFreeNodes() {
  return useLoad("free-nodes", async (signal) => {
    const [list, asked] = await Promise.all([
      all((page) => networks.listNetworks({ page }, { signal }), (response) => response.networks),
      all((page) => questions.listQuestions({ page }, { signal }), (response) => response.questions),
    ]);
    const alone = new Set(asked.filter(({ name, network }) => idOf(name) === idOf(network)).map(({ network }) => network));
    const taken = new Set(asked.map(({ network, node }) => `${network}/${node}`));
    const whole = await Promise.all(list.filter(({ name }) => !alone.has(name))
      .map(({ name }) => networks.getNetwork({ name }, { signal })));
    return whole.map(({ network }) => ({
      name: network!.name, title: network!.title || spoken(idOf(network!.name)),
      nodes: (network!.model?.nodes ?? []).filter((node) => node.role === NodeRole.QUESTION && !taken.has(`${network!.name}/${node.node}`)),
    })).filter(({ nodes }) => nodes.length > 0);
  });
}

function NodeFields({ draft, change }: { draft: Draft; change: Change }) {
  const { data, error } = useFreeNodes();
  const network = data?.find(({ name }) => name === draft.network);
  const node = network?.nodes.find((one) => one.node === draft.node);
  if (error !== undefined) return <Problem error={error} />;
  if (data?.length === 0) {
    return <p class="note small">Each question node of every network is asked about already. A network is declared on the page of <a href="/networks">networks</a>.</p>;
  }
  return (
    <div class="pair">
      <Field label="Network">
        {(attributes) => (
          <select {...attributes} required value={draft.network} onChange={(event) => change({ network: event.currentTarget.value, node: "" })}>
            <option value="">choose</option>
            {data?.map((one) => <option key={one.name} value={one.name}>{one.title}</option>)}
          </select>
        )}
      </Field>
      <Field label="Node" hint={node?.description ?? "It closes at the node's deadline."}>
        {(attributes) => (
          <select {...attributes} required value={draft.node} onChange={(event) => change({ node: event.currentTarget.value })}>
            <option value="">choose</option>
            {network?.nodes.map((one) => <option key={one.node} value={one.node}>{spoken(one.node)}</option>)}
          </select>
        )}
      </Field>
    </div>
  );
}

function PriorFields({ draft, change }: { draft: Draft; change: Change }) {
  if (draft.kind === "number") return <NumberFields draft={draft.number} onChange={(number) => change({ number })} brief={draft.withoutModel} />;
  const states = statesOf(draft);
  if (draft.withoutModel || states.length < 2) return null;
  return (
    <section class="preview" aria-label="The prior">
      <h2>The prior</h2>
      <p class="small muted">What the model holds before anything is reported. Every report moves it from here.</p>
      <StateInputs states={states} values={draft.prior} onValues={(prior) => change({ prior })} />
    </section>
  );
}

function ChoiceTicks({ draft, change }: { draft: Draft; change: Change }) {
  return (
    <fieldset class="ticks-list">
      <legend class="hidden">How it is forecast</legend>
      {draft.kind !== "node" && (
        <label class="tick">
          <input type="checkbox" checked={draft.withoutModel} onChange={(event) => change({ withoutModel: event.currentTarget.checked })} />
          <span>Forecasters alone speak on it: no model, no reports.</span>
        </label>
      )}
      <label class="tick">
        <input type="checkbox" checked={draft.hidesPool} onChange={(event) => change({ hidesPool: event.currentTarget.checked })} />
        <span>Hide the pool from whoever has not forecast yet.</span>
      </label>
    </fieldset>
  );
}

export function AskPage(_: { id: string }) {
  const [draft, setDraft] = useState(newDraft);
  const change: Change = (changes) => setDraft((before) => ({ ...before, ...changes }));
  const request = useMemo(() => requestOf(draft), [draft]);
  const write = useWrite((options) => questions.createQuestion({ ...request, options }));
  useEffect(() => {
    document.title = "Ask a question – Credence";
  }, []);
  useEffect(() => {
    if (write.result?.question !== undefined) navigate(`/${write.result.question.name}`);
  }, [write.result]);
  const text = (label: string, key: "title" | "tags" | "id", hint: string, required = false) => (
    <Field label={label} hint={hint}>
      {(attributes) => <input type="text" {...attributes} required={required} value={draft[key]} onInput={(event) => change({ [key]: event.currentTarget.value })} />}
    </Field>
  );
  return (
    <div class="narrow">
      <div class="page-head"><div><nav class="small" aria-label="Where this is"><a href="/">Questions</a> / <span class="muted">new</span></nav>
        <h1 tabIndex={-1}>Ask a question</h1><p>It opens at once, and takes reports and forecasts until it closes.</p></div></div>
      <form class="card form-card stack" onSubmit={write.submit}>
        {text("Question", "title", "One sentence that somebody will be able to answer.", true)}
        <Field label="What decides it" hint="So exactly that two who disagree would resolve it alike.">
          {(attributes) => <textarea {...attributes} value={draft.criteria} onInput={(event) => change({ criteria: event.currentTarget.value })} />}
        </Field>
        <Segments label="Kind of question" value={draft.kind} options={KINDS}
          onChange={(kind) => change({ kind, prior: kind === "options" ? linesOf(draft.options).map(() => 1 / linesOf(draft.options).length) : [0.5, 0.5] })} />
        {draft.kind === "options" && <OptionFields draft={draft} change={change} />}
        {draft.kind === "node" ? <NodeFields draft={draft} change={change} /> : (
          <Field label="Closes (UTC)" hint="From then on no forecast is taken.">
            {(attributes) => <input type="datetime-local" {...attributes} required value={draft.closes} onInput={(event) => change({ closes: event.currentTarget.value })} />}
          </Field>
        )}
        <ChoiceTicks draft={draft} change={change} />
        <PriorFields draft={draft} change={change} />
        <div class="pair">
          {text("Tags", "tags", "Separated by commas.")}
          {text("Id", "id", idOfDraft(draft) === "" ? "Made from the question where you leave it empty." : `questions/${idOfDraft(draft)}`)}
        </div>
        {write.error !== undefined && <Problem error={write.error} />}
        <div class="actions"><a class="button" href="/">Cancel</a>
          <button type="submit" class="button primary" disabled={!isWhole(draft) || write.busy}>Ask it</button></div>
      </form>
    </div>
  );
}
