// Proof that the events of a stream are these and no others: docs/reference/stream-map.md.
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";

import { type EventEnvelope, EventEnvelopeSchema } from "../gen/credence/event/v1/envelope_pb";
import { StreamHeadsRecordedSchema } from "../gen/credence/event/v1/ledger_events_pb";
import type { GetCompletenessProofResponse, ProvedEntry, StreamMapPath } from "../gen/credence/v1/ledger_service_pb";
import { Broken, bigEndian64, same, sha256, utf8 } from "./bytes";
import { leafHash, verifyInclusion } from "./merkle";
import { type Checkpoint, openCheckpoint, parseCheckpoint, type VerifierKey } from "./note";

const MAP_LEAF = Uint8Array.of(2);
const MAP_NODE = Uint8Array.of(3);
const EMPTY = new Uint8Array(32);
const DEPTH_MAX = 256;

export interface Complete {
  checkpoint: Checkpoint;
  // Entries before this position have been covered.
  covered: bigint;
  // Positions of the stream's events, oldest first.
  positions: bigint[];
  events: EventEnvelope[];
}

async function included(proved: ProvedEntry, checkpoint: Checkpoint): Promise<EventEnvelope> {
  await verifyInclusion(proved.position, checkpoint.size, await leafHash(proved.entry),
    proved.inclusionPath, checkpoint.root);
  const envelope = fromBinary(EventEnvelopeSchema, proved.entry);
  if (envelope.position !== proved.position) {
    throw new Broken(`the entry at ${proved.position} says that it stands elsewhere`);
  }
  return envelope;
}

async function mapRoot(record: ProvedEntry, checkpoint: Checkpoint): Promise<Uint8Array> {
  const envelope = await included(record, checkpoint);
  const heads = envelope.payload && anyUnpack(envelope.payload, StreamHeadsRecordedSchema);
  if (heads === undefined || envelope.stream !== "ledger" || heads.treeSize !== record.position) {
    throw new Broken("the entry is not a record of the stream heads");
  }
  return heads.mapRoot;
}

function bit(key: Uint8Array, depth: number): number {
  return (key[depth >> 3]! >> (7 - (depth & 7))) & 1;
}

// The head of `stream` in the map with `root`; nothing where the map proves that there is none.
async function headOf(stream: string, path: StreamMapPath, root: Uint8Array) {
  const key = await sha256(utf8(stream));
  const siblings = path.siblings.map((hash) => (hash.length === 0 ? EMPTY : hash));
  if (siblings.length > DEPTH_MAX) throw new Broken("the path is too long");
  if (siblings.length > 0 && same(siblings.at(-1)!, EMPTY)) {
    throw new Broken("the path is longer than the map is deep");
  }
  const { end } = path;
  let hash: Uint8Array = EMPTY;
  if (end !== undefined) {
    for (let depth = 0; depth < siblings.length; ++depth) {
      if (bit(end.key, depth) !== bit(key, depth)) throw new Broken("the path ends at a key that is not on it");
    }
    hash = await sha256(MAP_LEAF, end.key, bigEndian64(end.version), bigEndian64(end.position));
  }
  for (let depth = siblings.length - 1; depth >= 0; --depth) {
    const sibling = siblings[depth]!;
    hash = bit(key, depth) === 0 ? await sha256(MAP_NODE, hash, sibling) : await sha256(MAP_NODE, sibling, hash);
  }
  if (!same(hash, root)) throw new Broken("the path leads to another map");
  return end !== undefined && same(end.key, key) ? end : undefined;
}

function placeOf(envelope: EventEnvelope, stream: string) {
  return envelope.stream === stream ? envelope : envelope.links.find((link) => link.stream === stream);
}

// All answers that make up the proof of a stream, as one.
export async function fetchCompleteness(
  fetch: (request: { stream: string; beforeVersion?: bigint; treeSize?: bigint }) => Promise<GetCompletenessProofResponse>,
  stream: string,
): Promise<GetCompletenessProofResponse> {
  const proof = await fetch({ stream });
  const { size } = parseCheckpoint(proof.checkpoint);
  let next = proof.nextBeforeVersion;
  while (next > 0n) {
    const more = await fetch({ stream, beforeVersion: next, treeSize: size });
    if (more.nextBeforeVersion >= next) throw new Broken("the pages of the proof do not come to an end");
    proof.events.push(...more.events);
    next = more.nextBeforeVersion;
  }
  return proof;
}

export async function verifyCompleteness(stream: string, proof: GetCompletenessProofResponse,
  keyFor: (size: bigint) => Promise<VerifierKey>): Promise<Complete> {
  const { size } = parseCheckpoint(proof.checkpoint);
  const checkpoint = await openCheckpoint(proof.checkpoint, await keyFor(size));
  if (proof.record === undefined || proof.path === undefined) throw new Broken("the proof has no record");
  const root = await mapRoot(proof.record, checkpoint);
  const head = await headOf(stream, proof.path, root);
  const events: EventEnvelope[] = [];
  if (head === undefined) {
    if (proof.events.length > 0) throw new Broken("the map has no such stream, but the proof has events");
    return { checkpoint, covered: proof.record.position, positions: [], events };
  }
  if (BigInt(proof.events.length) !== head.version + 1n) {
    throw new Broken(`the stream has ${head.version + 1n} events; the proof has ${proof.events.length}`);
  }
  let position: bigint | undefined = head.position;
  let { version } = head;
  for (const proved of proof.events) {
    const envelope = await included(proved, checkpoint);
    const place = placeOf(envelope, stream);
    if (proved.position !== position || place?.streamVersion !== version) {
      throw new Broken(`the entry at ${proved.position} is not version ${version} of ${stream}`);
    }
    events.push(envelope);
    position = place.previousPosition;
    version -= 1n;
  }
  if (position !== undefined) throw new Broken("the first event of the stream has a predecessor");
  events.reverse();
  return { checkpoint, covered: proof.record.position, positions: events.map((event) => event.position), events };
}
