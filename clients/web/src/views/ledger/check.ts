// The checks of the ledger's page: all of them are done here, with what the server sends.
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { EventEnvelopeSchema } from "../../gen/credence/event/v1/envelope_pb";
import type { WitnessState } from "../../gen/credence/v1/ledger_service_pb";
import { ledger } from "../../lib/api";
import { eventRegistry } from "../../lib/payloads";
import { type Complete, fetchCompleteness, verifyCompleteness } from "../../verify/completeness";
import { leafHash, verifyConsistency, verifyInclusion } from "../../verify/merkle";
import { keyAt, openCheckpoint, parseCheckpoint, type Checkpoint, type VerifierKey } from "../../verify/note";
import { type ShownText, type TextDigest, verifyTexts } from "../../verify/texts";
import { store, stored, trustedKey } from "../../verify/trust";

const BUNDLE = 256n;

export interface Verified {
  checkpoint: Checkpoint;
  key: VerifierKey;
  given: boolean;
  first: boolean;
  // Size of the tree that this browser had verified before; absent at first sight.
  continued: bigint | undefined;
  // Who is asked to cosign, as the server says.
  witnesses: WitnessState[];
}

async function signingKey(): Promise<{ origin: string; key: VerifierKey; given: boolean; first: boolean; rotations: string[]; note: string; witnesses: WitnessState[] }> {
  const [info, { checkpoint: note, keyRotations }] = await Promise.all([
    ledger.getServerInfo({}), ledger.getCheckpoint({}),
  ]);
  const trusted = await trustedKey(info.origin, info.verifierKey);
  return { origin: info.origin, ...trusted, rotations: keyRotations, note, witnesses: info.witnesses };
}

// The newest checkpoint: signed by the key, and a continuation of the one that was verified last.
export async function verifyCheckpoint(): Promise<Verified> {
  const { origin, key, given, first, rotations, note, witnesses } = await signingKey();
  const { size } = parseCheckpoint(note);
  const checkpoint = await openCheckpoint(note, await keyAt(key, rotations, size));
  const held = stored(origin)!;
  let continued: bigint | undefined;
  if (held.checkpoint !== undefined) {
    const before = parseCheckpoint(held.checkpoint);
    const proof = before.size === checkpoint.size || before.size === 0n ? [] : (await ledger.getConsistencyProof({
      firstTreeSize: before.size, secondTreeSize: checkpoint.size,
    })).hashes;
    if (before.size > 0n) await verifyConsistency(before, checkpoint, proof);
    continued = before.size;
  }
  store(origin, { ...held, checkpoint: note });
  return { checkpoint, key, given, first, continued, witnesses };
}

export interface VerifiedEntry extends Verified {
  position: bigint;
  leaf: Uint8Array;
  path: Uint8Array[];
  entry: Uint8Array;
  texts: ShownText[];
}

// The stored bytes of an entry, from the bundle that holds it.
async function readEntry(position: bigint, size: bigint): Promise<Uint8Array> {
  const index = position / BUNDLE;
  const width = Number(size - index * BUNDLE > BUNDLE ? BUNDLE : size - index * BUNDLE);
  const { content } = await ledger.getTile({ entries: true, index, width });
  let at = 0;
  for (let left = Number(position % BUNDLE); left > 0; --left) {
    at += 2 + ((content[at]! << 8) | content[at + 1]!);
  }
  return content.slice(at + 2, at + 2 + ((content[at]! << 8) | content[at + 1]!));
}

// The texts that the entry holds by their digests.
async function readTexts(position: bigint, entry: Uint8Array): Promise<ShownText[]> {
  const { payload } = fromBinary(EventEnvelopeSchema, entry);
  const said = payload && anyUnpack(payload, eventRegistry);
  const digests = said !== undefined && "textDigests" in said ? said.textDigests as TextDigest[] : [];
  if (digests.length === 0) return [];
  const { events } = await ledger.listEvents({ startPosition: position, page: { pageSize: 1 } });
  return verifyTexts(digests, events[0]?.texts ?? []);
}

// That the entry at `position`, byte for byte, is in the signed tree.
export async function verifyEntry(position: bigint): Promise<VerifiedEntry> {
  const verified = await verifyCheckpoint();
  const { size, root } = verified.checkpoint;
  const [entry, { inclusionProof }] = await Promise.all([
    readEntry(position, size), ledger.getInclusionProof({ position, treeSize: size }),
  ]);
  const leaf = await leafHash(entry);
  const path = inclusionProof?.hashes ?? [];
  await verifyInclusion(position, size, leaf, path, root);
  return { ...verified, position, leaf, path, entry, texts: await readTexts(position, entry) };
}

// That the events of a stream are these and no others.
export async function verifyStream(stream: string): Promise<Complete> {
  const { key, rotations } = await signingKey();
  const proof = await fetchCompleteness((request) => ledger.getCompletenessProof(request), stream);
  return verifyCompleteness(stream, proof, (size) => keyAt(key, rotations, size));
}

