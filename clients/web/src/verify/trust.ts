// What this browser holds the ledger to: the key that it was given or saw first, and the last
// checkpoint that it verified.
import { parseKey, type VerifierKey } from "./note";

interface Stored {
  key: string;
  // True where a person gave the key, false where it was taken from the server at first sight.
  given: boolean;
  checkpoint?: string;
}

function slot(origin: string): string {
  return `credence.trust.${origin}`;
}

export function stored(origin: string): Stored | undefined {
  const text = localStorage.getItem(slot(origin));
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as Stored;
  } catch {
    return undefined;
  }
}

export function store(origin: string, value: Stored): void {
  localStorage.setItem(slot(origin), JSON.stringify(value));
}

// The key for an origin: kept, or from now on the one that the server names.
export async function trustedKey(origin: string, named: string): Promise<{ key: VerifierKey; given: boolean; first: boolean }> {
  const held = stored(origin);
  if (held !== undefined) return { key: await parseKey(held.key), given: held.given, first: false };
  const key = await parseKey(named);
  store(origin, { key: key.text, given: false });
  return { key, given: false, first: true };
}

export async function giveKey(origin: string, text: string): Promise<void> {
  const key = await parseKey(text);
  if (key.name !== origin) throw new Error(`The key is that of ${key.name}, not of ${origin}.`);
  store(origin, { key: key.text, given: true });
}
