// Texts for people that an entry holds by their salted digests only (docs/reference/texts.md).
import { Broken, join, same, sha256, utf8 } from "./bytes";

export interface TextDigest {
  field: string;
  digest: Uint8Array;
}

export interface KeptText {
  field: string;
  salt: Uint8Array;
  text: string;
  erasedPosition?: bigint | undefined;
}

export interface ShownText {
  field: string;
  // Absent where it was erased.
  text: string | undefined;
}

// The text of each digest of an entry, held against it. Throws Broken where one is missing or is not
// the text of its digest.
export async function verifyTexts(digests: TextDigest[], kept: KeptText[]): Promise<ShownText[]> {
  return Promise.all(digests.map(async ({ field, digest }) => {
    const found = kept.find((text) => text.field === field);
    if (found === undefined) throw new Broken(`The server does not have the text of ${field}.`);
    if (found.erasedPosition !== undefined) return { field, text: undefined };
    if (!same(await sha256(join(found.salt, utf8(found.text))), digest)) {
      throw new Broken(`The text of ${field} is not the one of the entry's digest.`);
    }
    return { field, text: found.text };
  }));
}
