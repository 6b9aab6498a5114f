// A question: what is believed, how that came about, what would change it, and how good it was. All of
// it stands at one instant and one position of the ledger.
import { useEffect, useMemo, useState } from "preact/hooks";

import "../../styles/question.css";
import { type Question, Question_State as State } from "../../gen/credence/v1/question_pb";
import type { NumericPosterior } from "../../gen/credence/v1/common_pb";
import type { Evidence } from "../../gen/credence/v1/evidence_service_pb";
import { dateOf, idOf, isAbsent, questions, secondsOf } from "../../lib/api";
import { count, dayText, distance, number, odds, percent, points, spoken, timeText, words } from "../../lib/format";
import { onEvents, streamsOf } from "../../lib/live";
import { query, setQuery } from "../../lib/router";
import { Problem, Skeleton, StateChip } from "../../ui/parts";
import { EndForm } from "../forms/ending";
import { EvidenceForm } from "../forms/evidence";
import { ForecastForm } from "../forms/forecast";
import { Alarms } from "./alarms";
import { BridgeFigure } from "./bridge";
import { type Base, type Instant, useBase, useInstant } from "./data";
import { EvidenceDialog, EvidenceFigure } from "./evidence";
import { ForecastersFigure } from "./forecasters";
import { HistoryFigure, spanOf } from "./history";
import { type Moment, instantText, useMoment } from "./moment";
import { ScoredFigure } from "./scored";
import { TornadoFigure } from "./tornado";
import { WatchFigure } from "./watch";
import { WhatIfFigure } from "./whatif";

const NEWS_MILLISECONDS = 300;
const WEEK = 7 * 86_400;

// Counts up when something is recorded that bears on the question.
function useNews(names: (string | undefined)[]): number {
  const [news, setNews] = useState(0);
  const key = names.join();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onEvents((events) => {
      const streams = streamsOf(events);
      if (!names.some((name) => name !== undefined && streams.has(name))) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        setNews((before) => before + 1);
      }, NEWS_MILLISECONDS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [key]);
  return news;
}

function Ended({ question }: { question: Question }) {
  const { resolution } = question;
  if (resolution === undefined) return null;
  const outcome = resolution.outcome || (resolution.fraction === undefined ? "not scored" : percent(resolution.fraction));
  return (
    <div class="outcome">
      <span class="small muted">Resolved {dayText(dateOf(resolution.resolveTime))}</span>
      <strong>{outcome}</strong>
      {resolution.rationale !== "" && <span class="small">{resolution.rationale}</span>}
    </div>
  );
}

// How far the model moved over the week before the instant.
function weekMove(base: Base, instant: Instant, state: number, at: number): number | undefined {
  const now = instant.posterior?.posterior?.states[state]?.probability;
  const before = base.history.model.findLast((point) => secondsOf(point.effectiveTime) <= at - WEEK);
  const then = before?.probabilities[state];
  return now === undefined || then === undefined ? undefined : now - then;
}

function Answer({ base, instant, state, at }: { base: Base; instant: Instant; state: number; at: number }) {
  const model = instant.posterior?.posterior;
  const probability = model?.states[state]?.probability;
  const pool = instant.pool.probabilities[state]?.probability;
  const week = weekMove(base, instant, state, at);
  const name = base.history.states[state] ?? "";
  if (model?.numeric !== undefined) return <NumericAnswer base={base} instant={instant} />;
  return (
    <div class="answer">
      {probability !== undefined && (
        <div class="headline model">
          <span class="small">Model · {name}</span>
          <strong class="number">{percent(probability)}</strong>
          <span>{words(probability)}<br /><span class="muted small number">{odds(probability)}{week !== undefined && ` · ${points(week)} in 7 days`}</span></span>
        </div>
      )}
      {pool !== undefined && (
        <div class="headline pool">
          <span class="small">Pool of {count(instant.pool.forecastCount)} · {name}</span>
          <strong class="number">{percent(pool)}</strong>
          <span>{words(pool)}<br /><span class="muted small number">{odds(pool)}</span></span>
        </div>
      )}
      {base.poolHidden && <HiddenPool count={instant.pool.forecastCount} />}
    </div>
  );
}

function HiddenPool({ count: forecasters }: { count: bigint }) {
  return (
    <div class="headline pool">
      <span class="small">Pool of {count(forecasters)}</span>
      <strong>hidden</strong>
      <span class="small muted">until you have forecast,<br />so that you judge for yourself</span>
    </div>
  );
}

function NumericAnswer({ base, instant }: { base: Base; instant: Instant }) {
  const describe = (label: string, kind: string, numeric: NumericPosterior | undefined) => {
    if (numeric === undefined) return null;
    const at = (level: number) => numeric.quantiles.find((point) => point.probability === level)?.value ?? NaN;
    return (
      <div class={`headline ${kind}`}>
        <span class="small">{label}, median</span>
        <strong class="number">{number(at(0.5))}</strong>
        <span>{numeric.unit}<br /><span class="muted small number">90 %: {number(at(0.05))} to {number(at(0.95))}</span></span>
      </div>
    );
  };
  return (
    <div class="answer">
      {describe("Model", "model", instant.posterior?.posterior?.numeric)}
      {describe(`Pool of ${count(instant.pool.forecastCount)}`, "pool", instant.pool.numeric)}
      {base.poolHidden && <HiddenPool count={instant.pool.forecastCount} />}
    </div>
  );
}

// When it closes, as seen from the instant that is looked at; or that it was over before.
function CloseText({ question, at }: { question: Question; at: number | undefined }) {
  const close = dateOf(question.closeTime);
  const ended = dateOf(question.resolution?.resolveTime);
  if (close === undefined) return null;
  if (ended !== undefined) return <>{ended < close ? "was to close" : "closed"} {dayText(close)}</>;
  return <>closes {dayText(close)} ({distance(close, at === undefined ? undefined : new Date(at * 1000))})</>;
}

function Head({ base, instant, at, children }: { base: Base; instant: Instant | undefined; at: number | undefined; children: preact.ComponentChildren }) {
  const question = instant?.question ?? base.question;
  const alone = idOf(question.network) === idOf(question.name);
  return (
    <header class="question-head">
      <nav class="small" aria-label="Where this is"><a href="/">Questions</a> / <span class="muted">{idOf(question.name)}</span></nav>
      <h1 tabIndex={-1}>{question.title}</h1>
      <div class="row-meta">
        <StateChip state={question.state} />
        {question.tags.map((tag) => <a key={tag} class="chip" href={`/?tag=${encodeURIComponent(tag)}`}>{tag}</a>)}
        <span class="muted small">
          <CloseText question={question} at={at} />
          {!alone && <> · network <a href={`/networks/${idOf(question.network)}`}>{spoken(idOf(question.network))}</a></>}
        </span>
      </div>
      {question.resolutionCriteria !== "" && (
        <details class="criteria"><summary>What decides it</summary><p>{question.resolutionCriteria}</p></details>
      )}
      {children}
    </header>
  );
}

// An ended question is looked at as it was just before: after it there is nothing left to explain.
function lastInstant({ question }: Base): number | undefined {
  const ended = question.state === State.RESOLVED || question.state === State.ANNULLED;
  const time = question.resolution?.resolveTime;
  return ended && time !== undefined ? Math.min(secondsOf(time), secondsOf(question.closeTime)) - 0.001 : undefined;
}

function MomentNote({ moment, position }: { moment: Moment; position: bigint }) {
  if (moment.implied && moment.position === undefined) {
    return <p class="muted small">It has ended. The page shows how it stood just before.</p>;
  }
  if (moment.at === undefined && moment.position === undefined) return null;
  return (
    <div class="moment" role="status">
      <span>
        {moment.at !== undefined && <>You look at <strong>{timeText(new Date(moment.at * 1000))}</strong>. </>}
        {moment.position !== undefined && <>As the ledger stood at <strong>event {String(position)}</strong>.</>}
      </span>
      <button type="button" class="button" onClick={() => setQuery({ at: "", pos: "", chart: "" })}>Back to now</button>
    </div>
  );
}

type Form = "evidence" | "forecast" | "end";

// Opens a draft, so that it takes forecasts.
function OpenButton({ question }: { question: Question }) {
  const [error, setError] = useState<unknown>();
  const open = () => questions.openQuestion({ name: question.name }).then(() => setError(undefined), setError);
  return (
    <>
      <button type="button" class="button primary" onClick={open}>Open it</button>
      {error !== undefined && <Problem error={error} />}
    </>
  );
}

function Actions({ question, onOpen }: { question: Question; onOpen: (form: Form) => void }) {
  const { state } = question;
  const button = (form: Form, text: string) => <button type="button" class="button" onClick={() => onOpen(form)}>{text}</button>;
  if (state === State.ANNULLED) return null;
  return (
    <div class="question-actions">
      {state === State.DRAFT && <OpenButton question={question} />}
      {(state === State.ACTIVE || state === State.CLOSED) && button("evidence", "Add a report")}
      {state === State.ACTIVE && button("forecast", "Forecast")}
      {(state === State.ACTIVE || state === State.CLOSED) && button("end", "Resolve")}
      {state === State.RESOLVED && button("end", "Amend")}
    </div>
  );
}

function StatePicker({ states, state, onState }: { states: string[]; state: number; onState: (state: string) => void }) {
  if (states.length < 3) return null;
  return (
    <label class="choice state-pick">
      <span>State shown</span>
      <select value={states[state]} onChange={(event) => onState(event.currentTarget.value)}>
        {states.map((one) => <option key={one}>{one}</option>)}
      </select>
    </label>
  );
}

export function QuestionPage({ id }: { id: string }) {
  const [network, setNetwork] = useState<string>();
  const [last, setLast] = useState<number>();
  const moment = useMoment(last);
  const news = useNews([`questions/${id}`, network]);
  const base = useBase(id, moment, news);
  const states = base.data?.history.states ?? [];
  const state = Math.max(0, states.indexOf(query.value.get("state") ?? ""));
  // The states of a number have no names to explain.
  const named = base.data?.network.model?.numeric === undefined ? (states[state] ?? "") : "";
  const settled = base.data === undefined || lastInstant(base.data) === last;
  const instant = useInstant(id, moment, settled ? base.data : undefined, named);
  const [form, setForm] = useState<Form>();
  const [item, setItem] = useState<Evidence>();
  useEffect(() => {
    setNetwork(base.data?.question.network);
    setLast(base.data && lastInstant(base.data));
  }, [base.data]);
  useEffect(() => {
    document.title = `${base.data?.question.title ?? id} – Credence`;
  }, [base.data]);
  const span = useMemo(() => base.data && spanOf(base.data), [base.data]);
  if (base.error !== undefined) {
    return isAbsent(base.error)
      ? <><h1 tabIndex={-1}>There is no question “{id}”</h1><p><a href="/">All questions</a></p></>
      : <Problem error={base.error} />;
  }
  if (base.data === undefined || span === undefined) return <Skeleton height={600} label="Loading the question" />;
  const { question } = base.data;
  const now = instant.data;
  const live = (moment.at === undefined || moment.implied) && moment.position === undefined;
  // The address of what is on screen: it shows the same for ever.
  const pin = {
    pos: String(base.data.position),
    at: instantText(moment.at ?? Math.max(span.until, secondsOf(question.recordTime))),
  };
  const shared = { base: base.data, moment, pin };
  const steps = now?.explanation?.steps ?? [];
  const takes = live && [State.ACTIVE, State.CLOSED].includes(question.state);
  return (
    <div class="question">
      <Head base={base.data} instant={moment.implied ? undefined : now} at={moment.implied ? undefined : moment.at}>
        <MomentNote moment={moment} position={base.data.position} />
        <div class="answer-row">
          {now !== undefined && <Ended question={moment.implied ? question : now.question} />}
          {now !== undefined && <Answer base={base.data} instant={now} state={state} at={moment.at ?? span.until} />}
          <StatePicker states={states} state={state} onState={(one) => setQuery({ state: one })} />
          {live && <Actions question={question} onOpen={setForm} />}
        </div>
      </Head>
      {instant.error !== undefined && <Problem error={instant.error} />}
      <div class="stack">
        {now !== undefined && <Alarms alarms={now.alarms} />}
        <HistoryFigure {...shared} state={state} onEvidence={setItem} />
        {now === undefined ? <Skeleton height={400} /> : (
          <div class={`columns${now.explanation ? "" : " single"}${instant.loading ? " loading" : ""}`}>
            {now.explanation && (
              <div class="stack">
                <BridgeFigure {...shared} explanation={now.explanation} onEvidence={setItem} />
                <WhatIfFigure {...shared} instant={now} state={state} />
              </div>
            )}
            <div class="stack">
              {now.scores.length > 0 && <ScoredFigure scores={now.scores} pin={pin} />}
              <ForecastersFigure {...shared} instant={now} state={state} onAdd={live && question.state === State.ACTIVE ? () => setForm("forecast") : undefined} />
              {now.explanation && <WatchFigure base={base.data} instant={now} pin={pin} />}
              {now.explanation && <TornadoFigure base={base.data} moment={moment} state={named} pin={pin} />}
            </div>
          </div>
        )}
        <EvidenceFigure {...shared} steps={steps} onEvidence={setItem} onAdd={takes ? () => setForm("evidence") : undefined} />
      </div>
      {form === "evidence" && <EvidenceForm base={base.data} onClose={() => setForm(undefined)} />}
      {form === "forecast" && now && <ForecastForm base={base.data} instant={now} onClose={() => setForm(undefined)} />}
      {form === "end" && <EndForm base={base.data} onClose={() => setForm(undefined)} />}
      {item && <EvidenceDialog item={item} step={steps.find((step) => step.name === item.name)} live={takes} onClose={() => setItem(undefined)} />}
    </div>
  );
}

