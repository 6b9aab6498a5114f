// All questions: found by words, narrowed by state, tag and network, each with its line.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { QuestionHistory } from "../gen/credence/v1/view_service_pb";
import { type Question, Question_State } from "../gen/credence/v1/question_pb";
import { all, dateOf, idOf, questions, secondsOf, views } from "../lib/api";
import { count, dayText, distance, number, percent, words } from "../lib/format";
import { onEvents, streamsOf } from "../lib/live";
import { useLoad } from "../lib/load";
import { path, query, setQuery } from "../lib/router";
import { Problem, Skeleton, StateChip, stateText } from "../ui/parts";
import { Sparkline } from "../ui/sparkline";

const SHOWN_AT_ONCE = 60;
const HISTORIES_AT_ONCE = 60;
const SPARK_POINTS = 48;

const ORDERS = [
  ["closing", "Closing soonest"], ["changed", "Changed last"], ["forecasts", "Most forecasters"],
  ["high", "Most likely"], ["low", "Least likely"], ["name", "Name"],
] as const;
type Order = (typeof ORDERS)[number][0];

// Whether an address shows this view.
export function isFirst(address: string): boolean {
  return address === "/" || address === "/questions";
}

export function probabilityOf(question: Question): number | undefined {
  return question.publishedPosterior[0]?.probability;
}

function matches(question: Question, terms: string[]): boolean {
  const text = [question.title, question.name, question.network, question.resolutionCriteria, ...question.tags]
    .join(" ").toLowerCase();
  return terms.every((term) => text.includes(term));
}

function compare(order: Order): (left: Question, right: Question) => number {
  const open = (question: Question) => (question.state === Question_State.ACTIVE ? 0 : 1);
  switch (order) {
    case "closing":
      return (a, b) => open(a) - open(b) ||
        (open(a) === 0 ? 1 : -1) * (secondsOf(a.closeTime) - secondsOf(b.closeTime));
    case "changed":
      return (a, b) => Number((b.publishedPosition ?? 0n) - (a.publishedPosition ?? 0n));
    case "forecasts":
      return (a, b) => Number(b.standingForecastCount - a.standingForecastCount);
    case "high":
      return (a, b) => (probabilityOf(b) ?? -1) - (probabilityOf(a) ?? -1);
    case "low":
      return (a, b) => (probabilityOf(a) ?? 2) - (probabilityOf(b) ?? 2);
    case "name":
      return (a, b) => a.name.localeCompare(b.name);
  }
}

// The histories of the rows that are on screen, asked for many at a time.
function useHistories(shown: Question[]): Map<string, QuestionHistory> {
  const [found, setFound] = useState(new Map<string, QuestionHistory>());
  const asked = useRef(new Map<string, bigint>());
  useEffect(() => {
    // Anew where another posterior was published since.
    const missing = shown.filter(
      ({ name, publishedPosition }) =>
        publishedPosition !== undefined && asked.current.get(name) !== publishedPosition,
    );
    for (let at = 0; at < missing.length; at += HISTORIES_AT_ONCE) {
      const batch = missing.slice(at, at + HISTORIES_AT_ONCE);
      for (const { name, publishedPosition } of batch) asked.current.set(name, publishedPosition!);
      views
        .batchGetHistories({ questions: batch.map(({ name }) => name), pointCountMax: SPARK_POINTS })
        .then(
          ({ histories }) =>
            setFound((before) => {
              const after = new Map(before);
              for (const history of histories) after.set(history.question, history);
              return after;
            }),
          () => batch.forEach(({ name }) => asked.current.delete(name)),
        );
    }
  }, [shown]);
  return found;
}

function readAll(): Promise<Question[]> {
  return all((page) => questions.listQuestions({ page }), (response) => response.questions);
}

// Where this is the first view, it is asked for before anything is drawn.
let early = isFirst(path.peek()) ? readAll() : undefined;
early?.catch(() => {});

// The list, kept up to date: what an event touches is read anew.
function useQuestions() {
  const first = useLoad("questions", () => {
    const begun = early ?? readAll();
    early = undefined;
    return begun;
  });
  const [list, setList] = useState<Question[]>();
  useEffect(() => setList(first.data), [first.data]);
  useEffect(() => {
    const stale = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = async () => {
      timer = undefined;
      const streams = new Set(stale);
      stale.clear();
      const fresh = await readAll().catch(() => undefined);
      if (fresh === undefined) return;
      setList((before) => {
        const kept = new Map(before?.map((question) => [question.name, question]));
        return fresh.map((question) => {
          const changed = streams.has(question.name) || streams.has(question.network);
          return changed ? question : (kept.get(question.name) ?? question);
        });
      });
    };
    const stop = onEvents((events) => {
      for (const stream of streamsOf(events)) {
        if (/^(questions|networks)\//.test(stream)) stale.add(stream);
      }
      if (stale.size > 0) timer ??= setTimeout(refresh, 500);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return { list, error: first.error };
}

function Value({ question }: { question: Question }) {
  const outcome = question.resolution;
  if (question.state === Question_State.RESOLVED && outcome !== undefined) {
    const text = outcome.outcome || (outcome.fraction === undefined ? "not scored" : percent(outcome.fraction));
    return <><strong class="value">{text}</strong><small class="muted">outcome</small></>;
  }
  const numeric = question.publishedDistribution;
  if (numeric !== undefined) {
    const median = numeric.quantiles.find((point) => point.probability === 0.5)?.value ?? numeric.mean;
    return <><strong class="value number">{median === undefined ? "–" : number(median)}</strong><small class="muted">median, {numeric.unit}</small></>;
  }
  const probability = probabilityOf(question);
  if (probability === undefined) return <small class="muted">no model</small>;
  const [first] = question.publishedPosterior;
  const state = first!.state === "yes" ? "" : `${first!.state}, `;
  return <><strong class="value number">{percent(probability)}</strong><small class="muted">{state}{words(probability)}</small></>;
}

// Until when the line of a question goes.
function endOf(question: Question): number {
  const ended = question.resolution?.resolveTime;
  if (ended !== undefined) return secondsOf(ended);
  return Math.min(Date.now() / 1000, secondsOf(question.closeTime));
}

// What is said of the end: when it is to be, or when it was.
function EndText({ question }: { question: Question }) {
  const close = dateOf(question.closeTime);
  if (question.state === Question_State.RESOLVED) return <>resolved {dayText(dateOf(question.resolution?.resolveTime))}</>;
  if (close === undefined || question.state === Question_State.ANNULLED) return null;
  if (question.state === Question_State.CLOSED && close.getTime() < Date.now()) return <>closed {dayText(close)}</>;
  return question.state === Question_State.CLOSED ? <>closed early</> : <span title={dayText(close)}>closes {distance(close)}</span>;
}

function Row({ question, history }: { question: Question; history: QuestionHistory | undefined }) {
  const end = endOf(question);
  // A resolution ends the line at 0 or 1, which would hide how it went before.
  const points = (history?.model ?? []).filter((point) =>
    question.state !== Question_State.RESOLVED || secondsOf(point.effectiveTime) < end);
  return (
    <li class="row">
      <div class="row-title">
        <a href={`/questions/${idOf(question.name)}`}>{question.title}</a>
        <div class="row-meta">
          <StateChip state={question.state} />
          {question.tags.slice(0, 4).map((tag) => <span key={tag} class="chip">{tag}</span>)}
          <span class="muted small">
            <EndText question={question} />
            {question.standingForecastCount > 0n && ` · ${count(question.standingForecastCount)} forecaster${question.standingForecastCount === 1n ? "" : "s"}`}
          </span>
        </div>
      </div>
      <div class="row-spark">{history !== undefined && <Sparkline points={points} until={end} />}</div>
      <div class="row-value"><Value question={question} /></div>
    </li>
  );
}

interface Filters {
  text: string;
  state: string;
  tag: string;
  network: string;
  order: Order;
}

function readFilters(): Filters {
  const given = query.value;
  const order = ORDERS.find(([value]) => value === given.get("order"))?.[0] ?? "closing";
  return {
    text: given.get("q") ?? "", state: given.get("state") ?? "", tag: given.get("tag") ?? "",
    network: given.get("network") ?? "", order,
  };
}

function Choice(props: {
  label: string;
  value: string;
  options: (readonly [string, string])[];
  onChange: (value: string) => void;
}) {
  return (
    <label class="choice">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
      </select>
    </label>
  );
}

function options(list: Question[], pick: (question: Question) => string[]): [string, string][] {
  const counts = new Map<string, number>();
  for (const question of list) {
    for (const value of pick(question)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([value, n]) => [value, `${idOf(value)} (${n})`]);
}

function FilterBar({ list, filters }: { list: Question[]; filters: Filters }) {
  const states = useMemo(() => options(list, (question) => [String(question.state)])
    .map(([value, text]) => [value, text.replace(value, stateText(Number(value)))] as [string, string]), [list]);
  const tags = useMemo(() => options(list, (question) => question.tags), [list]);
  // A question that stands alone has a network of its own, which is no choice.
  const networks = useMemo(() => options(list, (question) =>
    idOf(question.network) === idOf(question.name) ? [] : [question.network]), [list]);
  return (
    <div class="filters" role="search">
      <label class="search">
        <span class="hidden">Search questions</span>
        <input
          type="search"
          placeholder="Search titles, criteria, tags, ids"
          value={filters.text}
          onInput={(event) => setQuery({ q: event.currentTarget.value })}
        />
      </label>
      <Choice label="State" value={filters.state} options={[["", "Any"], ...states]} onChange={(state) => setQuery({ state })} />
      {tags.length > 0 && <Choice label="Tag" value={filters.tag} options={[["", "Any"], ...tags]} onChange={(tag) => setQuery({ tag })} />}
      {networks.length > 0 && <Choice label="Network" value={filters.network} options={[["", "Any"], ...networks]} onChange={(network) => setQuery({ network })} />}
      <Choice label="Order" value={filters.order} options={[...ORDERS]} onChange={(order) => setQuery({ order })} />
    </div>
  );
}

function useShown(list: Question[] | undefined, filters: Filters) {
  const key = JSON.stringify(filters);
  const found = useMemo(() => {
    const terms = filters.text.toLowerCase().split(/\s+/).filter((term) => term !== "");
    return (list ?? [])
      .filter((question) =>
        (filters.state === "" || String(question.state) === filters.state) &&
        (filters.tag === "" || question.tags.includes(filters.tag)) &&
        (filters.network === "" || question.network === filters.network) &&
        matches(question, terms))
      .sort(compare(filters.order));
  }, [list, key]);
  const [limit, setLimit] = useState(SHOWN_AT_ONCE);
  useEffect(() => setLimit(SHOWN_AT_ONCE), [key]);
  const shown = useMemo(() => found.slice(0, limit), [found, limit]);
  return { found, shown, more: () => setLimit((before) => before + SHOWN_AT_ONCE) };
}

// Shows more when the end of the list comes into view; a button for who scrolls otherwise.
function More({ left, more }: { left: number; more: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && more(),
      { rootMargin: "600px" },
    );
    observer.observe(mark.current!);
    return () => observer.disconnect();
  });
  return (
    <div ref={mark} class="empty">
      <button type="button" class="button" onClick={more}>Show more ({count(left)} left)</button>
    </div>
  );
}

export function Questions() {
  const { list, error } = useQuestions();
  const filters = readFilters();
  const { found, shown, more } = useShown(list, filters);
  const histories = useHistories(shown);
  useEffect(() => {
    document.title = "Questions – Credence";
  }, []);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Questions</h1>
          <p>What is asked, what is believed now, and how that came about.</p>
        </div>
        <a class="button primary head-action" href="/ask">Ask a question</a>
      </div>
      {error !== undefined && <Problem error={error} />}
      {list === undefined && error === undefined && <Skeleton height={420} />}
      {list !== undefined && (
        <>
          <FilterBar list={list} filters={filters} />
          <p class="muted small result-count" role="status">
            {found.length === list.length
              ? `${count(list.length)} questions`
              : `${count(found.length)} of ${count(list.length)} questions`}
          </p>
          <div class="card">
            <ol class="rows" aria-label="Questions">
              {shown.map((question) => (
                <Row key={question.name} question={question} history={histories.get(question.name)} />
              ))}
            </ol>
            {found.length === 0 && (
              <div class="empty">
                {list.length === 0
                  ? <>No question has been put yet. <a href="/ask">Ask the first</a>, or load a case: <code>credence apply -f examples/…</code></>
                  : "No question fits. Take a filter away."}
              </div>
            )}
            {found.length > shown.length && <More left={found.length - shown.length} more={more} />}
          </div>
        </>
      )}
    </>
  );
}
