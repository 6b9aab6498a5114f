// The log as it grows, newest first, and one event in full.
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { useEffect, useState } from "preact/hooks";

import { type EventEnvelope, EventEnvelopeSchema } from "../../gen/credence/event/v1/envelope_pb";
import type { Event } from "../../gen/credence/v1/ledger_service_pb";
import { dateOf, ledger } from "../../lib/api";
import { eventRegistry } from "../../lib/payloads";
import { count, hex, timeText } from "../../lib/format";
import { tail } from "../../lib/live";
import { setQuery } from "../../lib/router";
import { Dialog, Problem, Skeleton } from "../../ui/parts";
import { type VerifiedEntry, verifyEntry } from "./check";
import { Steps } from "./steps";

const EARLIER = 200;
const SHOWN_AT_ONCE = 40;

// `credence.event.v1.EvidenceRecorded` as people say it.
export function typeText(envelope: EventEnvelope | undefined): string {
  const name = (envelope?.payload?.typeUrl ?? "").replace(/^.*[./]/, "");
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").replaceAll(/ [A-Z](?=[a-z])/g, (part) => part.toLowerCase());
}

function useEvents(stream: string) {
  const [earlier, setEarlier] = useState<Event[]>([]);
  const [error, setError] = useState<unknown>();
  const [limit, setLimit] = useState(SHOWN_AT_ONCE);
  useEffect(() => {
    setEarlier([]);
    setLimit(SHOWN_AT_ONCE);
  }, [stream]);
  const newest = stream === "" ? tail.value : tail.value.filter(({ envelope }) =>
    envelope?.stream === stream || envelope?.links.some((link) => link.stream === stream));
  const oldest = (earlier.at(-1) ?? newest.at(-1))?.envelope?.position;
  const first = oldest ?? tail.value.at(-1)?.envelope?.position ?? 0n;
  const known = newest.length + earlier.length;
  const more = async () => {
    setLimit(limit + SHOWN_AT_ONCE);
    if (known >= limit + SHOWN_AT_ONCE || first === 0n) return;
    try {
      const start = stream === "" && first > BigInt(EARLIER) ? first - BigInt(EARLIER) : 0n;
      const { events } = await ledger.listEvents({
        startPosition: start, stream, page: { pageSize: stream === "" ? Number(first - start) : 1000 },
      });
      const before = events.filter(({ envelope }) => envelope!.position < first);
      setEarlier([...earlier, ...before.toReversed()]);
      setError(undefined);
    } catch (problem) {
      setError(problem);
    }
  };
  const left = first > 0n || known > limit;
  return { events: [...newest, ...earlier].slice(0, limit), more: left ? more : undefined, error };
}

export function EventList({ stream, onStream }: { stream: string; onStream: (stream: string) => void }) {
  const { events, more, error } = useEvents(stream);
  return (
    <section class="card" aria-labelledby="tail-title">
      <header>
        <div><h2 id="tail-title">Events</h2><p>Newest first, as they are recorded.</p></div>
        <label class="choice stream-pick"><span>Only of the stream</span>
          <input type="search" placeholder="networks/…, questions/…" value={stream} onChange={(event) => onStream(event.currentTarget.value.trim())} />
        </label>
      </header>
      <div class="card-body">
        {error !== undefined && <Problem error={error} />}
        <div class="scroll-x" tabIndex={0} role="region" aria-label="Table of events">
          <table class="events">
            <thead><tr><th class="right">Position</th><th>Event</th><th>Stream</th><th>By</th><th>Recorded</th></tr></thead>
            <tbody aria-live="polite">
              {events.map(({ envelope }) => envelope && (
                <tr key={String(envelope.position)}>
                  <td class="right">{count(envelope.position)}</td>
                  <td><button type="button" class="link" onClick={() => setQuery({ position: String(envelope.position) }, false)}>{typeText(envelope)}</button>
                    {envelope.backfilled && <span class="chip backfilled" title={`Counts from ${timeText(dateOf(envelope.effectiveTime))}`}>backfilled</span>}</td>
                  <td><button type="button" class="link" onClick={() => onStream(envelope.stream)}>{envelope.stream}</button></td>
                  <td>{envelope.actor}</td>
                  <td class="number">{timeText(dateOf(envelope.recordTime))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {events.length === 0 && <div class="empty">No event.</div>}
        {more && <div class="empty"><button type="button" class="button" onClick={more}>Earlier events</button></div>}
      </div>
    </section>
  );
}

// One entry: verified, and what it says.
export function EventDialog({ position, onClose }: { position: bigint; onClose: () => void }) {
  const [result, setResult] = useState<VerifiedEntry>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    setResult(undefined);
    setError(undefined);
    verifyEntry(position).then(setResult, setError);
  }, [position]);
  const envelope = result && fromBinary(EventEnvelopeSchema, result.entry);
  return (
    <Dialog title={`Event ${position}${envelope ? `: ${typeText(envelope)}` : ""}`} onClose={onClose}>
      {error !== undefined && <Problem error={error} />}
      {result === undefined && error === undefined && <Skeleton height={200} label="Verifying" />}
      {result !== undefined && envelope !== undefined && (
        <>
          <div class="note good" role="status" data-verified="entry"><strong>Verified in this browser.</strong> These {count(result.entry.length)} bytes are entry {String(position)} of the tree that the ledger signed.</div>
          <Steps steps={[
            ["Leaf hash of the bytes", hex(result.leaf)],
            [`Path of ${result.path.length} hashes leads to the root`, hex(result.checkpoint.root)],
            [`Tree of ${count(result.checkpoint.size)} entries signed by`, result.key.text],
          ]} />
          <details open><summary>What it says</summary><pre class="json" tabIndex={0}>{JSON.stringify(toJson(EventEnvelopeSchema, envelope, { registry: eventRegistry }), null, 2)}</pre></details>
          {result.texts.length > 0 && (
            <dl class="entry-texts" aria-label="Texts beside the log">
              {result.texts.map(({ field, text }) => <><dt>{field}</dt><dd>{text ?? "[erased]"}</dd></>)}
            </dl>
          )}
          {result.path.length > 0 && <details><summary>The path, from the leaf up</summary><ol class="path mono">{result.path.map((hash, i) => <li key={i}>{hex(hash)}</li>)}</ol></details>}
        </>
      )}
    </Dialog>
  );
}
