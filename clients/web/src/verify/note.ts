// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), and the rotation of the key that
// signs them.
import { Broken, fromBase64, same, sha256, utf8 } from "./bytes";

const ED25519 = 1;

export interface VerifierKey {
  text: string;
  name: string;
  id: Uint8Array;
  publicKey: Uint8Array<ArrayBuffer>;
}

export interface Note {
  // With its last line feed.
  text: string;
  signatures: { name: string; id: Uint8Array; signature: Uint8Array<ArrayBuffer> }[];
}

export interface Checkpoint {
  origin: string;
  size: bigint;
  root: Uint8Array;
  note: Note;
}

// name+id+base64(0x01 || public key)
export async function parseKey(text: string): Promise<VerifierKey> {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  if (match === null) throw new Broken("a verifier key has the form name+id+base64");
  const [, name, id, encoded] = match as unknown as [string, string, string, string];
  const data = fromBase64(encoded);
  if (data.length !== 33 || data[0] !== ED25519) throw new Broken("the key is no Ed25519 key");
  const computed = (await sha256(utf8(`${name}\n`), data)).subarray(0, 4);
  const stated = Uint8Array.from(id.match(/../g)!, (digits) => parseInt(digits, 16));
  if (!same(computed, stated)) throw new Broken("the key's id is not that of its name and key");
  return { text: text.trim(), name, id: computed, publicKey: data.slice(1) };
}

export function parseNote(data: string): Note {
  const end = data.lastIndexOf("\n\n");
  if (end < 0 || !data.endsWith("\n")) throw new Broken("it is not a signed note");
  const lines = data.slice(end + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const [dash, name, encoded, ...rest] = line.split(" ");
    if (dash !== "—" || !name || !encoded || rest.length > 0) {
      throw new Broken("a signature line is malformed");
    }
    const bytes = fromBase64(encoded);
    return { name, id: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  return { text: data.slice(0, end + 1), signatures };
}

export function parseCheckpoint(data: string): Checkpoint {
  const note = parseNote(data);
  const [origin, size, root] = note.text.split("\n");
  if (!origin || !size || !root || !/^(0|[1-9]\d*)$/.test(size)) {
    throw new Broken("the checkpoint is malformed");
  }
  const hash = fromBase64(root);
  if (hash.length !== 32) throw new Broken("the checkpoint's root has not 32 bytes");
  return { origin, size: BigInt(size), root: hash, note };
}

async function verifyEd25519(key: VerifierKey, signature: Uint8Array<ArrayBuffer>, text: string): Promise<boolean> {
  const message = utf8(text);
  let imported: CryptoKey | undefined;
  try {
    imported = await crypto.subtle.importKey("raw", key.publicKey, "Ed25519", false, ["verify"]);
  } catch {
    // A browser that does not have the curve.
  }
  if (imported !== undefined) return crypto.subtle.verify("Ed25519", imported, signature, message);
  const { verifyAsync } = await import("@noble/ed25519");
  return verifyAsync(signature, message, key.publicKey);
}

// Throws unless `key` signed the note.
export async function checkSigned(note: Note, key: VerifierKey): Promise<void> {
  let signed = false;
  for (const { name, id, signature } of note.signatures) {
    if (name !== key.name || !same(id, key.id)) continue;
    if (signature.length !== 64 || !(await verifyEd25519(key, signature, note.text))) {
      throw new Broken("the signature is wrong");
    }
    signed = true;
  }
  if (!signed) throw new Broken("the key did not sign it");
}

// The key that signs trees of `size` entries: `first`, or what followed from it by rotations that
// both keys signed.
export async function keyAt(first: VerifierKey, rotations: string[], size: bigint): Promise<VerifierKey> {
  let key = first;
  for (const statement of rotations) {
    const note = parseNote(statement);
    const [origin, kind, position, before, after] = note.text.split("\n");
    // Rotations before the key that was given say nothing about what follows from it.
    if (before !== key.text) continue;
    if (origin !== key.name || kind !== "key-rotation/v1" || after === undefined) {
      throw new Broken("a rotation of the key states something else");
    }
    const next = await parseKey(after);
    await checkSigned(note, key);
    await checkSigned(note, next);
    if (BigInt(position!) < size) key = next;
  }
  return key;
}

// The checkpoint, signed by the ledger of `key`.
export async function openCheckpoint(data: string, key: VerifierKey): Promise<Checkpoint> {
  const checkpoint = parseCheckpoint(data);
  if (checkpoint.origin !== key.name) {
    throw new Broken(`the checkpoint is of ${checkpoint.origin}, not of ${key.name}`);
  }
  await checkSigned(checkpoint.note, key);
  return checkpoint;
}

