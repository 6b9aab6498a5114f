// Networks: which there are, and one as a graph with what it holds of each node.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import "../../styles/network.css";
import { type Node, NodeRole } from "../../gen/credence/event/v1/network_model_pb";
import type { StateProbability } from "../../gen/credence/v1/common_pb";
import { all, dateOf, idOf, questions, secondsOf } from "../../lib/api";
import { evidence, inference, networks } from "../../lib/services";
import { count, dayText, percent, spoken, timeText } from "../../lib/format";
import { onEvents, streamsOf } from "../../lib/live";
import { useLoad } from "../../lib/load";
import { setQuery } from "../../lib/router";
import { Figure } from "../../ui/figure";
import { Grade, Problem, Skeleton } from "../../ui/parts";
import { inForce } from "../question/data";
import { statementText } from "../question/evidence";
import { type Moment, goTo, instantText, useMoment } from "../question/moment";
import { NetworkForm } from "./declare";
import { layOut, pathOf } from "./layout";

const DAY = 86_400;
const ROW = 19;
const HEAD = 46;
const STATES_SHOWN = 6;

const ROLES: Record<NodeRole, string> = {
  [NodeRole.UNSPECIFIED]: "", [NodeRole.QUESTION]: "Question", [NodeRole.INDICATOR]: "Indicator", [NodeRole.DRIVER]: "Driver",
};

function NetworkList() {
  const [declaring, setDeclaring] = useState(false);
  const [news, setNews] = useState(0);
  useEffect(() => onEvents((events) => {
    if ([...streamsOf(events)].some((stream) => stream.startsWith("networks/"))) setNews((before) => before + 1);
  }), []);
  const { data, error } = useLoad(`networks@${news}`, async (signal) => {
    const [list, asked] = await Promise.all([
      all((page) => networks.listNetworks({ page }, { signal }), (response) => response.networks),
      all((page) => questions.listQuestions({ page }, { signal }), (response) => response.questions),
    ]);
    const put = new Map<string, number>();
    for (const { network } of asked) put.set(network, (put.get(network) ?? 0) + 1);
    // A question that stands alone has a network of its own, which shows nothing more.
    const alone = new Set(asked.filter(({ name, network }) => idOf(name) === idOf(network)).map(({ network }) => network));
    return list.map((network) => ({ network, questions: put.get(network.name) ?? 0 }))
      .filter(({ network, questions: n }) => n > 1 || !alone.has(network.name));
  });
  useEffect(() => {
    document.title = "Networks – Credence";
  }, []);
  return (
    <>
      <div class="page-head"><div><h1 tabIndex={-1}>Networks</h1><p>How questions, indicators and what drives them hang together.</p></div>
        <button type="button" class="button primary head-action" onClick={() => setDeclaring(true)}>Declare a network</button></div>
      {error !== undefined && <Problem error={error} />}
      {data === undefined && error === undefined && <Skeleton height={200} />}
      {data !== undefined && (
        <div class="card">
          <ul class="rows" aria-label="Networks">
            {data.map(({ network, questions: n }) => (
              <li key={network.name} class="row network-row">
                <div class="row-title"><a href={`/networks/${idOf(network.name)}`}>{network.title || spoken(idOf(network.name))}</a>
                  <div class="row-meta muted small">{idOf(network.name)} · revision {String(network.modelRevision)} · {dayText(dateOf(network.recordTime))}</div></div>
                <div class="row-value"><span class="number">{count(n)} question{n === 1 ? "" : "s"}</span><small class="muted">{count(network.evidenceCount)} reports in force</small></div>
              </li>
            ))}
          </ul>
          {data.length === 0 && <div class="empty">Every question stands alone so far.</div>}
        </div>
      )}
      {declaring && <NetworkForm network={undefined} onClose={() => setDeclaring(false)} />}
    </>
  );
}

function useNetwork(id: string, moment: Moment, news: number) {
  const name = `networks/${id}`;
  const base = useLoad(`${id}@${moment.position ?? news}`, async (signal) => {
    const { network, viewPosition } = await networks.getNetwork({ name, view: moment.view }, { signal });
    const view = { asOf: { case: "position" as const, value: viewPosition } };
    const [items, asked] = await Promise.all([
      all((page) => evidence.listEvidence({ parent: name, page, view }, { signal }), (response) => response.evidence),
      all((page) => questions.listQuestions({ network: name, page, view }, { signal }), (response) => response.questions),
    ]);
    return { network: network!, position: viewPosition, items, questions: asked };
  });
  const position = base.data?.position;
  const posterior = useLoad(position === undefined ? undefined : `${id}@${position}@${moment.at ?? ""}`, async (signal) => {
    const { nodes } = await inference.queryPosterior({
      target: {
        name, view: { asOf: { case: "position", value: position! } },
        ...(moment.effectiveTime && { effectiveTime: moment.effectiveTime }),
      },
    }, { signal });
    return new Map(nodes.map((node) => [node.node, node.states]));
  }, 80);
  return { base, posterior };
}

type Base = NonNullable<ReturnType<typeof useNetwork>["base"]["data"]>;

function heightOf(node: Node): number {
  return HEAD + ROW * Math.min(node.states.length, STATES_SHOWN) + 8;
}

function NodeBox({ node, x, y, width, states, badges, question, chosen, onChoose }: {
  node: Node;
  x: number;
  y: number;
  width: number;
  states: StateProbability[];
  badges: number;
  question: boolean;
  chosen: boolean;
  onChoose: () => void;
}) {
  const height = heightOf(node);
  const likeliest = Math.max(...states.map((state) => state.probability));
  const bar = width - 104;
  return (
    <g class={`node${chosen ? " chosen" : ""}${question ? " question-node" : ""}`} transform={`translate(${x},${y})`}
      role="button" tabindex={0} aria-pressed={chosen}
      onClick={onChoose}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          onChoose();
        }
      }}>
      <rect class="node-box" width={width} height={height} rx="9" />
      <text class="node-name" x="12" y="20">{spoken(node.node).length > 23 ? `${spoken(node.node).slice(0, 22)}…` : spoken(node.node)}</text>
      <text class="node-role" x="12" y="35">{ROLES[node.role]}</text>
      {states.slice(0, STATES_SHOWN).map((state, i) => (
        <g key={state.state} transform={`translate(12,${HEAD + i * ROW})`}>
          <rect class="node-track" x="0" width={bar + 36} height={ROW - 4} rx="3" />
          <rect class={state.probability === likeliest ? "node-bar most" : "node-bar"} x="0" width={Math.max(1, (bar + 36) * state.probability)} height={ROW - 4} rx="3" />
          <text class="node-state" x="5" y="11">{state.state.length > 18 ? `${state.state.slice(0, 17)}…` : state.state}</text>
          <text class="node-value" x={width - 24} y="11">{(100 * state.probability).toFixed(1)}</text>
        </g>
      ))}
      {badges > 0 && (
        <g transform={`translate(${width - 26},14)`}>
          <title>{count(badges)} report{badges === 1 ? "" : "s"} in force</title>
          <rect class="badge" x="-12" y="-9" width="30" height="18" rx="9" />
          <text class="badge-text" x="3" y="4">{badges}</text>
        </g>
      )}
    </g>
  );
}

function Graph({ base, states, at, chosen, onChoose }: {
  base: Base;
  states: Map<string, StateProbability[]>;
  at: number | undefined;
  chosen: string;
  onChoose: (node: string) => void;
}) {
  const nodes = base.network.model?.nodes ?? [];
  const layout = useMemo(() => layOut(nodes.map((node) => ({ id: node.node, parents: node.parents, height: heightOf(node) }))), [base.network]);
  const byId = new Map(nodes.map((node) => [node.node, node]));
  const counts = new Map<string, number>();
  for (const item of base.items) {
    if (inForce(item, at)) counts.set(item.model!.node, (counts.get(item.model!.node) ?? 0) + 1);
  }
  const asked = new Set(base.questions.map((question) => question.node));
  const pad = 12;
  // Where the window is narrower than the graph, its middle is what is seen first.
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = frame;
    if (current !== null) current.scrollLeft = (current.scrollWidth - current.clientWidth) / 2;
  }, [layout]);
  return (
    <div ref={frame} class="graph scroll-x" tabIndex={0} role="region" aria-label="Graph of the network">
      <svg width={layout.width + 2 * pad} height={layout.height + 2 * pad} viewBox={`${-pad} ${-pad} ${layout.width + 2 * pad} ${layout.height + 2 * pad}`}>
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" /></marker></defs>
        {layout.arcs.map((arc) => (
          <path key={`${arc.from}>${arc.to}`} class={`arc${[arc.from, arc.to].includes(chosen) ? " chosen" : ""}`} d={pathOf(arc)} marker-end="url(#arrow)" />
        ))}
        {layout.boxes.map((box) => (
          <NodeBox key={box.id} node={byId.get(box.id)!} x={box.x} y={box.y} width={box.width} states={states.get(box.id) ?? []}
            badges={counts.get(box.id) ?? 0} question={asked.has(box.id)} chosen={chosen === box.id} onChoose={() => onChoose(chosen === box.id ? "" : box.id)} />
        ))}
      </svg>
    </div>
  );
}

function NodePanel({ base, node, states, at }: { base: Base; node: Node; states: StateProbability[]; at: number | undefined }) {
  const items = base.items.filter((item) => item.model?.node === node.node && inForce(item, at)).toReversed();
  const question = base.questions.find((one) => one.node === node.node);
  return (
    <section class="card" aria-label={spoken(node.node)}>
      <header><div><h2>{spoken(node.node)}</h2><p>{node.description}</p></div><span class="chip">{ROLES[node.role]}</span></header>
      <div class="card-body stack">
        {question === undefined && node.role === NodeRole.QUESTION && (
          <p><a href={`/ask?network=${base.network.name}&node=${node.node}`}>Ask a question about it</a></p>
        )}
        {question !== undefined && <p><a href={`/questions/${idOf(question.name)}${at === undefined ? "" : `?at=${instantText(at)}`}`}>{question.title}</a></p>}
        <table>
          <thead><tr><th>State</th><th class="wide"><span class="hidden">Length</span></th><th class="right">Probability</th></tr></thead>
          <tbody>{states.map((state) => (
            <tr key={state.state}><td>{state.state}</td><td class="wide"><span class="meter" aria-hidden="true"><i style={{ width: `${100 * state.probability}%` }} /></span></td><td class="right">{percent(state.probability)}</td></tr>
          ))}</tbody>
        </table>
        {node.parents.length > 0 && <p class="small muted">Depends on {node.parents.map(spoken).join(", ")}.</p>}
        <div>
          <h3>Reports in force ({items.length})</h3>
          <ul class="node-items">
            {items.map((item) => (
              <li key={item.name}><span>{item.model?.summary || idOf(item.name)}</span><span class="small muted">{dayText(dateOf(item.effectiveTime))} · {statementText(item.model)} <Grade grade={item.model?.grade ?? ""} /></span></li>
            ))}
          </ul>
          {items.length === 0 && <p class="muted small">None bears on this node itself.</p>}
        </div>
      </div>
    </section>
  );
}

function Clock({ base, moment }: { base: Base; moment: Moment }) {
  const from = Math.min(secondsOf(base.network.model?.openTime), ...base.items.map((item) => secondsOf(item.effectiveTime)));
  const ends = base.questions.flatMap((question) => (question.resolution?.resolveTime ? [secondsOf(question.resolution.resolveTime)] : []));
  const ended = base.questions.length > 0 && ends.length === base.questions.length;
  const until = ended ? Math.max(...ends) : Date.now() / 1000;
  if (!(until > from)) return null;
  const at = moment.at ?? until;
  return (
    <div class="clock">
      <input type="range" min={from} max={until} step={Math.min(DAY, (until - from) / 500)} value={at}
        aria-label="As of: the instant that the graph shows" aria-valuetext={moment.at === undefined ? "now" : timeText(new Date(at * 1000))}
        onInput={(event) => {
          const value = Number(event.currentTarget.value);
          goTo(value >= until - 1 ? undefined : value);
        }} />
      <strong class="number">{moment.at === undefined ? "As of now" : `As of ${timeText(new Date(at * 1000))}`}</strong>
      {(moment.at !== undefined || moment.position !== undefined) && <button type="button" class="button" onClick={() => setQuery({ at: "", pos: "", chart: "" })}>Back to now</button>}
    </div>
  );
}

function NetworkView({ id }: { id: string }) {
  const moment = useMoment();
  const [news, setNews] = useState(0);
  useEffect(() => onEvents((events) => {
    if (streamsOf(events).has(`networks/${id}`)) setNews((before) => before + 1);
  }), [id]);
  const { base, posterior } = useNetwork(id, moment, news);
  const [chosen, setChosen] = useState("");
  const [revising, setRevising] = useState(false);
  const live = moment.at === undefined && moment.position === undefined;
  useEffect(() => {
    document.title = `${base.data?.network.title || spoken(id)} – Credence`;
  }, [base.data]);
  if (base.error !== undefined) return <Problem error={base.error} />;
  if (base.data === undefined) return <Skeleton height={500} />;
  const { network } = base.data;
  const states = posterior.data ?? new Map<string, StateProbability[]>();
  const node = network.model?.nodes.find((one) => one.node === chosen);
  const pin = { pos: String(base.data.position), ...(moment.at !== undefined && { at: instantText(moment.at) }) };
  return (
    <>
      <div class="page-head">
        <div>
          <nav class="small" aria-label="Where this is"><a href="/networks">Networks</a> / <span class="muted">{id}</span></nav>
          <h1 tabIndex={-1}>{network.title || spoken(id)}</h1>
          <p>Revision {String(network.modelRevision)} · {count(network.model?.nodes.length ?? 0)} nodes · {count(network.evidenceCount)} reports in force</p>
        </div>
        {live && network.model?.numeric === undefined && (
          <button type="button" class="button head-action" onClick={() => setRevising(true)}>Revise</button>
        )}
      </div>
      {posterior.error !== undefined && <Problem error={posterior.error} />}
      {network.model?.numeric !== undefined ? (
        <p class="note">This network holds one number: see <a href={`/questions/${id}`}>its question</a>.</p>
      ) : (
        <div class={`network-grid${node ? " with-panel" : ""}`}>
          <Figure id="graph" title="Graph" description="Arrows lead from what causes to what is caused. The number in a corner counts the reports on that node." pin={pin}
            data={{ columns: ["node", "role", "state", "probability", "parents"], rows: (network.model?.nodes ?? []).flatMap((one) =>
              (states.get(one.node) ?? []).map((state) => [one.node, ROLES[one.role], state.state, state.probability, one.parents.join(" ")])) }}>
            <Clock base={base.data} moment={moment} />
            <Graph base={base.data} states={states} at={moment.at} chosen={chosen} onChoose={setChosen} />
          </Figure>
          {node && <NodePanel base={base.data} node={node} states={states.get(chosen) ?? []} at={moment.at} />}
        </div>
      )}
      {revising && <NetworkForm network={network} onClose={() => setRevising(false)} />}
    </>
  );
}

export function NetworkPage({ id }: { id: string }) {
  return id === "" ? <NetworkList /> : <NetworkView id={id} />;
}
