// Proofs of the log's hash tree (RFC 6962; the algorithms of RFC 9162, 2.1.3.2 and 2.1.4.2).
import { Broken, same, sha256 } from "./bytes";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(entry: Uint8Array): Promise<Uint8Array> {
  return sha256(LEAF, entry);
}

function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Uint8Array> {
  return sha256(NODE, left, right);
}

// Throws unless the tree of `size` leaves with `root` has `leaf` at `index`.
export async function verifyInclusion(index: bigint, size: bigint, leaf: Uint8Array,
  path: Uint8Array[], root: Uint8Array): Promise<void> {
  if (index >= size) throw new Broken("the entry lies beyond the tree");
  let first = index;
  let last = size - 1n;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0n) throw new Broken("the inclusion proof is too long");
    if ((first & 1n) === 1n || first === last) {
      hash = await nodeHash(sibling, hash);
      while ((first & 1n) === 0n && first !== 0n) {
        first >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    first >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw new Broken("the inclusion proof is too short");
  if (!same(hash, root)) throw new Broken("the inclusion proof leads to another root");
}

// Throws unless the larger tree begins with all the leaves of the smaller one.
export async function verifyConsistency(before: { size: bigint; root: Uint8Array },
  after: { size: bigint; root: Uint8Array }, proof: Uint8Array[]): Promise<void> {
  if (before.size > after.size) throw new Broken("the log has become shorter");
  if (before.size === after.size) {
    if (proof.length > 0 || !same(before.root, after.root)) {
      throw new Broken("two trees of one size have different roots");
    }
    return;
  }
  if (before.size === 0n) throw new Broken("nothing can be consistent with an empty tree");
  const path = [...proof];
  // A smaller tree that is a whole subtree is its own first hash.
  if ((before.size & (before.size - 1n)) === 0n) path.unshift(before.root);
  let first = before.size - 1n;
  let last = after.size - 1n;
  while ((first & 1n) === 1n) {
    first >>= 1n;
    last >>= 1n;
  }
  const start = path.shift();
  if (start === undefined) throw new Broken("the consistency proof is empty");
  let old = start;
  let fresh = start;
  for (const hash of path) {
    if (last === 0n) throw new Broken("the consistency proof is too long");
    if ((first & 1n) === 1n || first === last) {
      old = await nodeHash(hash, old);
      fresh = await nodeHash(hash, fresh);
      while ((first & 1n) === 0n && first !== 0n) {
        first >>= 1n;
        last >>= 1n;
      }
    } else {
      fresh = await nodeHash(fresh, hash);
    }
    first >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n || !same(old, before.root) || !same(fresh, after.root)) {
    throw new Broken("the log does not continue the one that this browser saw");
  }
}
