// The ledger: how far it goes, who signed it, and checks that need no trust in the server.
import { useEffect, useRef, useState } from "preact/hooks";

import "../../styles/ledger.css";
import type { WitnessState } from "../../gen/credence/v1/ledger_service_pb";
import { all, dateOf, idOf, problemOf } from "../../lib/api";
import { forecasts } from "../../lib/services";
import { count, hex, timeText } from "../../lib/format";
import { onEvents, size } from "../../lib/live";
import { query, setQuery } from "../../lib/router";
import { Field, Problem, Skeleton } from "../../ui/parts";
import { giveKey } from "../../verify/trust";
import type { Complete } from "../../verify/completeness";

import { type Verified, verifyCheckpoint, verifyStream } from "./check";
import { EventDialog, EventList, typeText } from "./events";
import { Steps } from "./steps";

const REST_MILLISECONDS = 1500;

// The checkpoint, verified anew as the log grows.
function useVerified(turn: number) {
  const [state, setState] = useState<{ verified?: Verified; error?: unknown }>({});
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running = Promise.resolve();
    const run = () => {
      running = running.then(() => verifyCheckpoint().then(
        (verified) => setState({ verified }), (error) => setState({ error })));
    };
    run();
    const stop = onEvents(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        run();
      }, REST_MILLISECONDS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [turn]);
  return state;
}

function KeyForm({ origin, onGiven }: { origin: string; onGiven: () => void }) {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await giveKey(origin, text);
      setText("");
      setError("");
      onGiven();
    } catch (problem) {
      setError(problemOf(problem).message);
    }
  };
  return (
    <details class="more">
      <summary>Hold the ledger to a key that you were given</summary>
      <form class="stack" onSubmit={submit}>
        <Field label="Verifier key" hint={<>As <code>credence init</code> printed it: name+id+base64.</>} error={error || undefined}>
          {(attributes) => <input type="text" class="mono" required {...attributes} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        </Field>
        <div><button type="submit" class="button">Use this key</button></div>
      </form>
    </details>
  );
}

// Others who hold the log to what they saw: as the server tells it.
function Witnesses({ states, size: signed }: { states: WitnessState[]; size: bigint }) {
  if (states.length === 0) return <span class="muted">none are asked</span>;
  const cosigned = states.filter(({ treeSize }) => treeSize >= signed).length;
  return (
    <>
      {cosigned} of {states.length} cosigned this checkpoint
      {states.filter(({ error }) => error !== "").map(({ name, error }) => (
        <div key={name} class="small muted">{name}: {error}</div>
      ))}
    </>
  );
}

function CheckpointCard() {
  const [turn, setTurn] = useState(0);
  const { verified, error } = useVerified(turn);
  return (
    <section class="card" aria-labelledby="checkpoint-title">
      <header><div><h2 id="checkpoint-title">Checkpoint</h2><p>The signed head of the hash tree over all events.</p></div></header>
      <div class="card-body stack">
        {error !== undefined && (
          <div class="note bad" role="alert"><strong>This ledger does not verify:</strong> {problemOf(error).message}</div>
        )}
        {verified === undefined && error === undefined && <Skeleton height={160} label="Verifying" />}
        {verified !== undefined && (
          <>
            <div class="note good" role="status" data-verified="checkpoint">
              <strong>Verified in this browser.</strong>{" "}
              {verified.continued === undefined
                ? "This browser has not seen the ledger before; from now on it is held to this."
                : verified.continued === verified.checkpoint.size
                  ? `The same ${count(verified.checkpoint.size)} events as before.`
                  : `It continues the ${count(verified.continued)} events that this browser verified before.`}
            </div>
            <dl class="facts">
              <dt>Origin</dt><dd>{verified.checkpoint.origin}</dd>
              <dt>Events</dt><dd class="number">{count(verified.checkpoint.size)}</dd>
              <dt>Root</dt><dd><code>{hex(verified.checkpoint.root)}</code></dd>
              <dt>Key</dt><dd><code>{verified.key.text}</code><div class="small muted">{verified.given ? "given by you" : "taken from the server when this browser first met it"}</div></dd>
              <dt>Witnesses</dt><dd><Witnesses states={verified.witnesses} size={verified.checkpoint.size} /></dd>
            </dl>
            <KeyForm origin={verified.checkpoint.origin} onGiven={() => setTurn(turn + 1)} />
          </>
        )}
      </div>
    </section>
  );
}

function PositionCard() {
  const [text, setText] = useState("");
  const valid = /^\d+$/.test(text) && (size.value === undefined || BigInt(text) < size.value);
  return (
    <section class="card" aria-labelledby="inclusion-title">
      <header><div><h2 id="inclusion-title">Is an event in the log?</h2><p>Its bytes are hashed here, and the proof is followed up to the signed root.</p></div></header>
      <div class="card-body">
        <form class="inline-form" onSubmit={(event) => {
          event.preventDefault();
          if (valid) setQuery({ position: text }, false);
        }}>
          <Field label="Position" hint={size.value !== undefined && size.value > 0n ? `0 to ${size.value - 1n}` : ""}>
            {(attributes) => <input type="text" inputMode="numeric" {...attributes} value={text} onInput={(event) => setText(event.currentTarget.value.trim())} />}
          </Field>
          <button type="submit" class="button" disabled={!valid}>Verify</button>
        </form>
      </div>
    </section>
  );
}

function CompletenessCard() {
  const [stream, setStream] = useState("");
  const [known, setKnown] = useState<string[]>([]);
  const [result, setResult] = useState<Complete>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    all((page) => forecasts.listForecasters({ page }), (response) => response.forecasters)
      .then((list) => setKnown(list.map(({ name }) => `forecasters/${idOf(name)}/forecasts`)), () => undefined);
  }, []);
  const asked = useRef("");
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setResult(undefined);
    setError(undefined);
    asked.current = stream;
    await verifyStream(stream).then(setResult, setError);
    setBusy(false);
  };
  return (
    <section class="card" aria-labelledby="complete-title">
      <header><div><h2 id="complete-title">Is that all?</h2><p>Proves that the events of a stream are these and no others: nothing was left out.</p></div></header>
      <div class="card-body stack">
        <form class="inline-form" onSubmit={submit}>
          <Field label="Stream" hint="All that a forecaster ever said: forecasters/…/forecasts">
            {(attributes) => <><input type="text" list="streams" required {...attributes} value={stream} onInput={(event) => setStream(event.currentTarget.value.trim())} />
              <datalist id="streams">{known.map((name) => <option key={name} value={name} />)}</datalist></>}
          </Field>
          <button type="submit" class="button" disabled={stream === "" || busy}>{busy ? "Verifying…" : "Verify"}</button>
        </form>
        {error !== undefined && <Problem error={error} />}
        {result !== undefined && (
          <>
            <div class="note good" role="status" data-verified="stream">
              <strong>Verified in this browser.</strong> Among the first {count(result.covered)} events {asked.current} has {count(result.positions.length)}{result.positions.length === 0 && ": there is no such stream"}.
            </div>
            <Steps steps={[["Root of the signed tree", hex(result.checkpoint.root)], ["Record of the stream heads", `event ${result.covered}`]]} />
            {result.events.length > 0 && (
              <ol class="complete small">
                {result.events.map((event) => (
                  <li key={String(event.position)}><a href={`/ledger?position=${event.position}`}>{String(event.position)}</a> {typeText(event)} <span class="muted">{timeText(dateOf(event.effectiveTime))}</span></li>
                ))}
              </ol>
            )}
          </>
        )}
      </div>
    </section>
  );
}

export function LedgerPage(_: { id: string }) {
  const stream = query.value.get("stream") ?? "";
  const position = query.value.get("position") ?? "";
  useEffect(() => {
    document.title = "Ledger – Credence";
  }, []);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Ledger</h1>
          <p>Every report, forecast, answer and score, in one log that can only grow. What is checked here is checked by your browser.</p>
        </div>
        <div class="ledger-size"><strong class="number">{size.value === undefined ? "–" : count(size.value)}</strong><span class="muted">events</span></div>
      </div>
      <div class="ledger-grid">
        <div class="stack"><CheckpointCard /><PositionCard /><CompletenessCard /></div>
        <EventList stream={stream} onStream={(next) => setQuery({ stream: next }, false)} />
      </div>
      {/^\d+$/.test(position) && <EventDialog key={position} position={BigInt(position)} onClose={() => setQuery({ position: "" })} />}
    </>
  );
}
