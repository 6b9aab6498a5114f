// The ledger as it grows. One stream feeds the whole page: a browser has few connections to a
// server, so it also rests while nobody looks at the tab.
import { signal } from "@preact/signals";

import type { Event } from "../gen/credence/v1/ledger_service_pb";
import { isAborted, ledger } from "./api";

const KEPT = 200;
const RETRY_MILLISECONDS = 2000;

export type LiveState = "connecting" | "live" | "resting" | "lost";

export const liveState = signal<LiveState>("connecting");
// Events of the log; what a new one has as its position.
export const size = signal<bigint | undefined>(undefined);
// The newest events, newest first.
export const tail = signal<Event[]>([]);
// Bumped with each batch of news about a stream such as `networks/x`.
const listeners = new Set<(events: Event[]) => void>();

// Calls `heard` with what is recorded from now on. Returns how to end that.
export function onEvents(heard: (events: Event[]) => void): () => void {
  listeners.add(heard);
  return () => listeners.delete(heard);
}

function take(events: Event[], next: bigint): void {
  size.value = next;
  if (events.length === 0) return;
  tail.value = [...events.toReversed(), ...tail.value].slice(0, KEPT);
  for (const heard of listeners) heard(events);
}

let next: bigint | undefined;

async function follow(signal: AbortSignal): Promise<void> {
  if (next === undefined) {
    const { treeHead } = await ledger.getTreeHead({}, { signal });
    const head = treeHead?.treeSize ?? 0n;
    next = head > BigInt(KEPT) ? head - BigInt(KEPT) : 0n;
    size.value = head;
  }
  for await (const message of ledger.watchEvents({ startPosition: next }, { signal })) {
    liveState.value = "live";
    next = message.nextPosition;
    take(message.events, message.nextPosition);
  }
}

async function run(): Promise<void> {
  for (;;) {
    if (document.hidden) {
      liveState.value = "resting";
      await new Promise((resolve) =>
        document.addEventListener("visibilitychange", resolve, { once: true }),
      );
      continue;
    }
    const controller = new AbortController();
    const rest = () => document.hidden && controller.abort();
    document.addEventListener("visibilitychange", rest);
    try {
      await follow(controller.signal);
    } catch (error) {
      if (!isAborted(error)) liveState.value = "lost";
    } finally {
      document.removeEventListener("visibilitychange", rest);
    }
    if (!document.hidden) await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
}

export function startLive(): void {
  void run();
}

// Names of the streams that a batch of events belongs to.
export function streamsOf(events: Event[]): Set<string> {
  const streams = new Set<string>();
  for (const { envelope } of events) {
    if (envelope === undefined) continue;
    streams.add(envelope.stream);
    for (const link of envelope.links) streams.add(link.stream);
  }
  return streams;
}

