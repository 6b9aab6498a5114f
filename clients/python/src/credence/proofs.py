"""Checks of what a server proves: receipts, checkpoints, inclusion, consistency.

The functions on hashes follow RFC 9162 (Laurie, Messeri, Stradling 2021), sections 2.1.3.2 and
2.1.4.2. Signed notes and checkpoints are read by credence.verify.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from typing import Any, Optional

from credence import v1
from credence._core import Method
from credence._error import VerificationError
from credence._wire import Broken
from credence.verify import Checkpoint, Key, Note, leaf_hash, node_hash

__all__ = ["ProofChecker", "leaf_hash", "verify_consistency", "verify_inclusion"]

_GET_CHECKPOINT = Method("/credence.v1.LedgerService/GetCheckpoint", v1.GetCheckpointRequest,
                         v1.GetCheckpointResponse, True)
_GET_CONSISTENCY = Method("/credence.v1.LedgerService/GetConsistencyProof",
                          v1.GetConsistencyProofRequest, v1.GetConsistencyProofResponse, True)

# What a check asks the server for: a method and its request.
Steps = Generator[tuple[Method, Any], Any, None]


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes],
                     root: bytes) -> None:
    """Checks that the tree of `size` leaves with `root` has the leaf hash `leaf` at `index`."""
    if not 0 <= index < size:
        raise VerificationError(f"A tree of {size} leaves has no leaf {index}.")
    _check_hashes(leaf, root, *path)
    number, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise VerificationError("A proof is longer than its tree is high.")
        if number & 1 or number == last:
            computed = node_hash(sibling, computed)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        number, last = number >> 1, last >> 1
    if last != 0 or computed != root:
        raise VerificationError(f"Leaf {index} is not in the tree: the proof leads elsewhere.")


def verify_consistency(first_size: int, second_size: int, first_root: bytes, second_root: bytes,
                       path: Sequence[bytes]) -> None:
    """Checks that the second tree begins with all the leaves of the first. A first tree of no
    leaves beside a larger one is refused, since nothing would be proved."""
    _check_hashes(first_root, second_root, *path)
    if first_size == second_size and not path and first_root == second_root:
        return
    if not 0 < first_size < second_size or not path:
        raise VerificationError("The proof of consistency cannot hold for these trees.")
    rest = list(path) if first_size & (first_size - 1) else [first_root, *path]
    number, last = first_size - 1, second_size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            raise VerificationError("A proof is longer than its tree is high.")
        if number & 1 or number == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        number, last = number >> 1, last >> 1
    if last != 0 or first != first_root or second != second_root:
        raise VerificationError("The larger tree does not begin with the smaller one.")


def _check_hashes(*hashes: bytes) -> None:
    for data in hashes:
        if len(data) != 32:
            raise VerificationError(f"A hash has {len(data)} bytes, not 32.")


class _KeyChain:
    """A trusted key and those that replaced it, each by a statement of the one before."""

    def __init__(self, trusted: Key) -> None:
        self._keys = [(-1, trusted)]  # (position that brought it, key)

    def follow(self, statements: Sequence[str]) -> None:
        for statement in statements:
            try:
                self._follow(Note(statement.encode()))
            except ValueError as error:
                raise VerificationError(f"A rotation of the key does not hold: {error}") from error

    def _follow(self, note: Note) -> None:
        lines = note.text.split("\n")
        if len(lines) != 6 or lines[1] != "key-rotation/v1" or lines[5]:
            raise ValueError("its statement is malformed")
        last_position, old = self._keys[-1]
        if lines[3] != old.text:
            return  # of a time before the key that is trusted
        new, position = Key(lines[4]), int(lines[2])
        if new.name != old.name or lines[0] != old.name or position <= last_position:
            raise ValueError("it names no later key of this log")
        note.check(old)
        note.check(new)
        self._keys.append((position, new))

    def open(self, text: str) -> Checkpoint:
        try:
            checkpoint = Checkpoint(text.encode(), self._keys[0][1])
            key = [key for position, key in self._keys if position < checkpoint.size][-1]
            checkpoint.check(key)
        except Broken as error:
            raise VerificationError(str(error)) from error
        return checkpoint


class ProofChecker:
    """Checks the answers of a server under one key that the caller trusts: every checkpoint is
    signed, every proof leads to its root, two checkpoints of one size are one, and a checkpoint that
    is asked for is consistent with those asked for before. Thread-safe.

    `check` yields what it needs to ask the server, which is not checked itself, and takes the
    answers.
    """

    def __init__(self, verifier_key: str) -> None:
        self._keys = _KeyChain(Key(verifier_key))
        self._lock = threading.Lock()
        self._roots: dict[int, bytes] = {}  # of the largest opened, and of the consistent one
        self._consistent: Optional[Checkpoint] = None

    def check(self, response: Any) -> Steps:
        receipt = getattr(response, "receipt", None)
        if isinstance(receipt, v1.Receipt):
            if response.HasField("receipt"):
                yield from self._check_receipt(receipt)
        elif isinstance(response, v1.GetCheckpointResponse):
            yield from self._check_checkpoint(response)
        elif isinstance(response, v1.GetInclusionProofResponse):
            yield from self._check_head(response.tree_head, response.checkpoint)
            self._check_path(response.inclusion_proof, response.leaf_hash,
                             response.tree_head.tree_size, response.tree_head.root_hash)
        elif isinstance(response, v1.GetConsistencyProofResponse):
            first, second = response.first_tree_head, response.second_tree_head
            yield from self._check_head(second, response.checkpoint)
            verify_consistency(first.tree_size, second.tree_size, first.root_hash,
                               second.root_hash, response.hashes)

    def _check_receipt(self, receipt: Any) -> Steps:
        if not receipt.HasField("proof"):
            raise VerificationError("The server recorded the write and proves nothing of it.")
        proof = receipt.proof.inclusion_proof
        if proof.leaf_index != receipt.position:
            raise VerificationError(f"The receipt is for position {receipt.position} and its proof "
                                    f"for {proof.leaf_index}.")
        checkpoint = yield from self._open(receipt.proof.checkpoint)
        self._check_path(proof, receipt.leaf_hash, checkpoint.size, checkpoint.root)

    def _check_checkpoint(self, response: Any) -> Steps:
        before = self._consistent
        checkpoint = yield from self._open(response.checkpoint)
        self._compare(response.tree_head, checkpoint)
        if before is None or before.size == checkpoint.size:
            self._extend(checkpoint)
            return
        first, second = sorted((before, checkpoint), key=lambda c: c.size)
        proof = yield _GET_CONSISTENCY, v1.GetConsistencyProofRequest(
            first_tree_size=first.size, second_tree_size=second.size)
        verify_consistency(first.size, second.size, first.root, second.root, proof.hashes)
        self._extend(second)

    def _extend(self, checkpoint: Checkpoint) -> None:
        with self._lock:
            if self._consistent is None or self._consistent.size < checkpoint.size:
                self._consistent = checkpoint

    def _check_head(self, head: Any, text: str) -> Steps:
        """That a stated head is its checkpoint's, where there is a checkpoint."""
        if text:
            self._compare(head, (yield from self._open(text)))

    @staticmethod
    def _compare(head: Any, checkpoint: Checkpoint) -> None:
        if (head.tree_size, head.root_hash) != (checkpoint.size, checkpoint.root):
            raise VerificationError("The server states another head than its checkpoint.")

    @staticmethod
    def _check_path(proof: Any, leaf: bytes, size: int, root: bytes) -> None:
        if proof.tree_size != size:
            raise VerificationError(f"A proof is for a tree of {proof.tree_size} leaves and its "
                                    f"checkpoint of {size}.")
        verify_inclusion(proof.leaf_index, size, leaf, proof.hashes, root)

    def _open(self, text: str) -> Generator[tuple[Method, Any], Any, Checkpoint]:
        try:
            return self._open_known(text)
        except VerificationError:
            # The key may have been replaced since: whoever is told so must be told by the old key.
            response = yield _GET_CHECKPOINT, v1.GetCheckpointRequest(last_signed=True)
            if not response.key_rotations:
                raise
            with self._lock:
                self._keys.follow(response.key_rotations)
        return self._open_known(text)

    def _open_known(self, text: str) -> Checkpoint:
        with self._lock:
            checkpoint = self._keys.open(text)
            known = self._roots.setdefault(checkpoint.size, checkpoint.root)
            if known != checkpoint.root:
                raise VerificationError(f"The server signed two trees of {checkpoint.size} entries.")
            kept = {max(self._roots)}
            if self._consistent is not None:
                kept.add(self._consistent.size)
            self._roots = {size: root for size, root in self._roots.items() if size in kept}
            return checkpoint
