#!/usr/bin/env python3
"""Verifies an exported Credence ledger: python3 -m credence.verify DIR --key VERIFIER_KEY

A second verifier, which shares no code with the first one (`credence verify`): it is written from
the specifications (C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-cosignature, tlog-policy; RFC 6962; the protobuf wire
format; docs/reference/stream-map.md) with the standard library and python3-cryptography. It goes
through the whole log every time and keeps the streams in memory.

Exit codes: 0 verified, 1 failed, 2 usage, 8 verification failed.
"""

import argparse
import base64
import datetime
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from credence._texts import Texts
from credence._wire import Broken, canonical, last_value, sha256

EXIT_FAILED, EXIT_VERIFICATION = 1, 8
WIDTH = 256  # hashes in a full tile, entries in a full bundle
UNCOVERED_LIMIT = 4096  # entries after a record of the stream heads at which no write may begin
TYPES = "type.googleapis.com/credence.event.v1."
# What forecasters say, and the number of the field that names the forecaster.
FORECASTS = {"ForecastRecorded": 3, "ForecastWithdrawn": 2, "ForecastSealed": 3,
             "ForecastRevealed": 3}


def leaf_hash(entry):
    return sha256(b"\x00" + entry)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


# --- Signed notes and checkpoints ---


def decode_base64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 is not canonical")
    return data


class Key:
    """A verifier key: name+id+base64(type || public key); type 1 of a log, 4 of a witness."""

    def __init__(self, text, kind=1):
        self.name, key_id, data = text.split("+", 2)
        data = decode_base64(data)
        if len(data) != 33 or data[0] != kind:
            raise ValueError(f"it is not an Ed25519 key of type {kind}")
        self.text, self.bytes = text, data[1:]
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        if self.id.hex() != key_id:
            raise ValueError("its id is not that of its name and key")
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])


class Note:
    """A signed note: its text, and lines of signatures that are checked when the key is known."""

    def __init__(self, data):
        text, found, signatures = data.decode("utf-8").rpartition("\n\n")
        if not found or not signatures.endswith("\n"):
            raise ValueError("it is not a signed note")
        self.text, self.lines = text + "\n", signatures[:-1].split("\n")

    def check(self, key):
        signed = False
        for line in self.lines:
            dash, name, data = line.split(" ", 2)
            if dash != "\u2014":
                raise ValueError("a signature line is malformed")
            data = decode_base64(data)
            if name != key.name or data[:4] != key.id:
                continue
            try:
                key.public.verify(data[4:], self.text.encode())
            except InvalidSignature:
                raise ValueError("its signature is wrong") from None
            signed = True
        if not signed:
            raise ValueError("the key did not sign it")

    def cosigned(self, key):
        """The earliest time at which the witness says that it saw the text, or None."""
        earliest = None
        for line in self.lines:
            _, name, data = line.split(" ", 2)
            data = decode_base64(data)
            if name != key.name or data[:4] != key.id:
                continue
            time = int.from_bytes(data[4:12], "big")
            message = f"cosignature/v1\ntime {time}\n{self.text}".encode()
            try:
                if len(data) != 76 or time >> 63:
                    raise InvalidSignature
                key.public.verify(data[12:], message)
            except InvalidSignature:
                raise ValueError(f"the cosignature by {name} is wrong") from None
            earliest = time if earliest is None else min(earliest, time)
        return earliest


class Policy:
    """Whose cosignatures make a checkpoint good (C2SP tlog-policy)."""

    def __init__(self):
        self.witnesses = {}  # name: key
        self.groups = {}  # name: (threshold, members)
        self.quorum = None

    @classmethod
    def read(cls, text):
        policy, members, quorums = cls(), set(), 0
        for number, line in enumerate(text.split("\n"), 1):
            words = line.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                if words[0] == "log" and len(words) in (2, 3):
                    Key(words[1])
                elif words[0] == "witness" and len(words) in (3, 4):
                    policy.add_witness(words[1], Key(words[2], 4))
                elif words[0] == "group" and len(words) > 3:
                    policy.add_group(words[1], words[2], words[3:], members)
                elif words[0] == "quorum" and len(words) == 2:
                    policy.quorum = None if words[1] == "none" else policy.known(words[1])
                    quorums += 1
                else:
                    raise ValueError("it is no line of a policy")
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
        if quorums != 1:
            raise ValueError("it has not exactly one quorum")
        return policy

    @classmethod
    def threshold(cls, keys, count):
        policy = cls()
        for key in keys:
            policy.add_witness(key.name, key)
        policy.add_group("quorum of all", str(count), list(policy.witnesses), set())
        policy.quorum = "quorum of all"
        return policy

    def known(self, name):
        if name not in self.witnesses and name not in self.groups:
            raise ValueError(f"{name} is not defined by a line before")
        return name

    def add(self, names, name, value):
        if name in self.witnesses or name in self.groups or name == "none":
            raise ValueError(f"{name} is defined twice")
        names[name] = value

    def add_witness(self, name, key):
        if any(other.bytes == key.bytes for other in self.witnesses.values()):
            raise ValueError(f"the key of {name} is there twice")
        self.add(self.witnesses, name, key)

    def add_group(self, name, count, names, members):
        for member in names:
            if self.known(member) in members:
                raise ValueError(f"{member} is in a group already")
            members.add(member)
        threshold = {"any": "1", "all": str(len(names))}.get(count, count)
        if threshold not in (str(k) for k in range(1, len(names) + 1)):
            raise ValueError(f"the threshold of {name} is not 1 to {len(names)}")
        self.add(self.groups, name, (int(threshold), names))

    def met(self, cosigned, name=None):
        name = name or self.quorum
        if name is None or name in self.witnesses:
            return name is None or name in cosigned
        threshold, members = self.groups[name]
        return sum(self.met(cosigned, member) for member in members) >= threshold

    def check(self, note):
        """The time of each witness that cosigned, and the earliest of a quorum."""
        try:
            times = {name: note.cosigned(key) for name, key in self.witnesses.items()}
        except ValueError as error:
            raise Broken(f"the checkpoint is not valid: {error}") from error
        times = {name: time for name, time in times.items() if time is not None}
        if not self.met(times):
            raise Broken("the witnesses of the checkpoint are no quorum of the policy: "
                         + (", ".join(times) or "there is none"))
        if self.quorum is None:
            return times, None
        return times, min(time for time in times.values()
                          if self.met([name for name, t in times.items() if t <= time]))


class Checkpoint:
    """A checkpoint of the log of `key`."""

    def __init__(self, data, key):
        try:
            self.note = Note(data)
            text = self.note.text
            self.origin, size, root = text.split("\n")[:3]
            self.root = decode_base64(root)
            self.size = int(size)
            if str(self.size) != size or self.size < 0 or len(self.root) != 32:
                raise ValueError("its size or root is malformed")
            if self.origin != key.name:
                raise ValueError(f"its origin is {self.origin}, not {key.name}")
        except ValueError as error:
            raise Broken(f"the checkpoint is not valid: {error}") from error

    def check(self, key):
        try:
            self.note.check(key)
        except ValueError as error:
            raise Broken(f"the checkpoint is not valid: {error}") from error


# --- Tiles ---


def tile_path(level, index, width):
    digits = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        digits = f"x{index % 1000:03}/{digits}"
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < WIDTH else "")


class Tiles:
    """Reads tiles and bundles, and compares the rows of the tree with them."""

    def __init__(self, directory, size):
        self.directory, self.size = directory, size
        self.rows = [[]]  # of each level the row that is not full
        self.counts = [0]  # of each level the hashes in full rows

    def read(self, level, index, width):
        path = tile_path(level, index, width)
        try:
            return (self.directory / path).read_bytes()
        except FileNotFoundError:
            pass
        try:
            data = (self.directory / tile_path(level, index, WIDTH)).read_bytes()
        except FileNotFoundError:
            position = index * WIDTH if level in (0, "entries") else None
            raise Broken(f"{path}: is missing", position) from None
        if level == "entries":
            return b"".join(len(e).to_bytes(2, "big") + e
                            for e in split_bundle(data, WIDTH, index)[:width])
        return data[:32 * width]

    def leaves(self, index):
        width = min(WIDTH, self.size - index * WIDTH)
        data = self.read(0, index, width)
        if len(data) != 32 * width:
            raise Broken(f"{tile_path(0, index, width)}: has {len(data)} bytes", index * WIDTH)
        return [data[i:i + 32] for i in range(0, len(data), 32)]

    def entries(self, index):
        width = min(WIDTH, self.size - index * WIDTH)
        return split_bundle(self.read("entries", index, width), width, index)

    def append(self, leaf, level=0):
        self.rows[level].append(leaf)
        if len(self.rows[level]) < WIDTH:
            return
        if level > 0:
            self.compare(level)
        if level + 1 == len(self.rows):
            self.rows.append([])
            self.counts.append(0)
        root = tree_root(self.rows[level])
        self.rows[level] = []
        self.counts[level] += WIDTH
        self.append(root, level + 1)

    def compare(self, level):
        row, first = self.rows[level], self.counts[level]
        path = tile_path(level, first // WIDTH, len(row))
        data = self.read(level, first // WIDTH, len(row))
        if len(data) != 32 * len(row):
            raise Broken(f"{path}: has {len(data)} bytes")
        for i, computed in enumerate(row):
            if data[32 * i:32 * i + 32] != computed:
                raise Broken(f"{path}: a hash is not that of the entries below it",
                             (first + i) * WIDTH**level)

    def finish(self):
        for level in range(1, len(self.rows)):
            if self.rows[level]:
                self.compare(level)

    def root(self):
        """Of perfect subtrees of falling size, joined from the right."""
        hashes = []
        for level in range(len(self.rows) - 1, -1, -1):
            rest = self.rows[level]
            while rest:
                width = 1 << (len(rest).bit_length() - 1)
                hashes.append(tree_root(rest[:width]))
                rest = rest[width:]
        root = hashes.pop()
        while hashes:
            root = node_hash(hashes.pop(), root)
        return root


def split_bundle(data, width, index):
    entries, at = [], 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        entries.append(data[at + 2:end])
        at = end
    if at != len(data) or len(entries) != width:
        raise Broken(f"{tile_path('entries', index, width)}: is not {width} entries", index * WIDTH)
    return entries


def tree_root(hashes):
    """Of a number of hashes that is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


# --- Entries taken apart ---


def position_of(value):
    if value is not None and value >> 63:
        raise ValueError("a number is negative")
    return value


def read_time(data):
    found = canonical(data, {1: 0, 2: 0})
    seconds, nanos = found.get(1, 0), found.get(2, 0)
    if not 0 <= nanos < 1_000_000_000:
        raise ValueError("a time is malformed")
    return (seconds - (1 << 64) if seconds >> 63 else seconds, nanos)


class Envelope:
    """credence.event.v1.EventEnvelope, as far as it is checked."""

    KINDS = {1: 0, 2: 2, 3: 0, 4: 0, 5: 2, 6: 2, 7: 0, 8: 2, 9: 2, 10: 0, 11: 0, 12: 2, 13: 2,
             14: 2}

    def __init__(self, entry):
        found = canonical(entry, self.KINDS, repeated=13)
        self.position = position_of(found.get(1, 0))
        self.places = [(found.get(2, b""), position_of(found.get(3, 0)),
                        position_of(found.get(4)))]
        self.record_time = read_time(found.get(5, b""))
        self.effective_time = read_time(found.get(6, b""))
        self.backfilled = found.get(7, 0) != 0
        self.actor, self.request_id = found.get(8, b""), found.get(9, b"")
        payload = canonical(found.get(12, b""), {1: 2, 2: 2})
        self.type = payload.get(1, b"").decode(errors="surrogateescape")
        self.payload = payload.get(2, b"")
        for link in found.get(13, []):
            place = canonical(link, {1: 2, 2: 0, 3: 0})
            self.places.append((place.get(1, b""), place.get(2, 0), place.get(3)))
        self.signature = None  # author, public key, stated time, signature
        if 14 in found:
            signed = canonical(found[14], {1: 2, 2: 2, 3: 2, 4: 2})
            self.signature = (signed.get(1, b""), signed.get(2, b""),
                              read_time(signed[3]) if 3 in signed else None, signed.get(4, b""))
        if any(not stream for stream, _, _ in self.places) or not self.type:
            raise ValueError("it names no stream or has no payload")


# --- The map of stream heads ---


class StreamMap:
    """The sparse Merkle map of docs/reference/stream-map.md, by its definition, with a cache."""

    def __init__(self):
        self.heads = {}  # key: (version, position)
        self.trie = None  # a leaf is a key; a node is [left, right, hash or None]

    def set(self, key, version, position):
        self.heads[key] = (version, position)
        self.trie = self._put(self.trie, key, 0)

    def _put(self, node, key, depth):
        if node is None or node == key:
            return key
        if isinstance(node, bytes):
            node = self._wrap(node, depth)
        node[2] = None
        bit = self._bit(key, depth)
        node[bit] = self._put(node[bit], key, depth + 1)
        return node

    def _wrap(self, key, depth):
        node = [None, None, None]
        node[self._bit(key, depth)] = key
        return node

    @staticmethod
    def _bit(key, depth):
        return key[depth // 8] >> (7 - depth % 8) & 1

    def root(self):
        return self._hash(self.trie)

    def _hash(self, node):
        if node is None:
            return bytes(32)
        if isinstance(node, bytes):
            version, position = self.heads[node]
            return sha256(b"\x02" + node + version.to_bytes(8, "big") + position.to_bytes(8, "big"))
        if node[2] is None:
            node[2] = sha256(b"\x03" + self._hash(node[0]) + self._hash(node[1]))
        return node[2]


# --- Authors ---


def signed_bytes(title, parts):
    return title + b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def signature_holds(public_key, data, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


class Authors:
    """Authors' keys and signatures (docs/reference/author-signatures.md)."""

    # Types whose author is the actor of the write.
    BY_ACTOR = ("EvidenceRecorded", "EvidenceRetracted", "EvidenceClustered")

    def __init__(self, origin):
        self.origin = origin.encode()
        self.keys = {}  # author: {public key: whether it is in force}
        self.demanding = set()  # authors that sign everything
        self.seen = set()
        self.signed = 0

    def take(self, envelope):
        kind, payload = envelope.type.removeprefix(TYPES), envelope.payload
        if not self.keys and not envelope.signature and not kind.startswith("AuthorKey"):
            return
        author = self._author(kind, envelope)
        if envelope.signature:
            self._check_signature(envelope, author)
        elif author in self.demanding and not kind.startswith("AuthorKey"):
            raise ValueError(f"the entry is not signed, but {author.decode()} signs everything")
        if kind == "EvidenceRecorded":
            source = last_value(last_value(payload, 3, 2, b""), 4, 2, b"")
            if source in self.demanding and not (envelope.signature and author == source):
                raise ValueError(f"{source.decode()} signs everything and did not sign this")
        key = last_value(payload, 2, 2, b"")
        if kind == "AuthorKeyRegistered":
            self._register(envelope, author, key)
        elif kind == "AuthorKeyRevoked":
            if not self.keys.get(author, {}).get(key):
                raise ValueError("a key is revoked that was not in force")
            self.keys[author][key] = False

    def _author(self, kind, envelope):
        if kind in FORECASTS:
            number = FORECASTS[kind]
            return b"forecasters/" + last_value(envelope.payload, number, 2, b"")
        if kind.startswith("AuthorKey"):
            return last_value(envelope.payload, 1, 2, b"")
        return envelope.actor if kind in self.BY_ACTOR else b""

    def _check_signature(self, envelope, author):
        name, key, stated, signature = envelope.signature
        if not author or name != author:
            raise ValueError("the entry is signed by somebody who is not its author")
        if not self.keys.get(author, {}).get(key):
            raise ValueError("the entry is signed by a key that is not in force")
        time = b""
        if stated is not None:
            time = (stated[0] % (1 << 64)).to_bytes(8, "big") + stated[1].to_bytes(4, "big")
        data = signed_bytes(b"credence-statement/v1\n",
                            [self.origin, name,
                             envelope.type.removeprefix("type.googleapis.com/").encode(),
                             envelope.request_id, time, envelope.payload])
        if not signature_holds(key, data, signature):
            raise ValueError(f"the entry is not what {author.decode()} signed")
        if stated is None:
            fits = not envelope.backfilled
        elif envelope.places[0][0].startswith(b"networks/"):
            fits = stated <= envelope.effective_time
        else:
            fits = stated == envelope.effective_time
        if not fits:
            raise ValueError("the entry counts from another time than its author signed")
        digest = sha256(data)
        if digest in self.seen:
            raise ValueError(f"the entry repeats what {author.decode()} signed once")
        self.seen.add(digest)
        self.signed += 1

    def _register(self, envelope, author, key):
        data = signed_bytes(b"credence-author-key/v1\n", [self.origin, author, key])
        known = self.keys.setdefault(author, {})
        if envelope.places[0][0] != author:
            raise ValueError("a key is registered in another stream than its author's")
        if not signature_holds(key, data, last_value(envelope.payload, 3, 2, b"")):
            raise ValueError("a key was not registered by its holder")
        if key in known or (known and not envelope.signature):
            raise ValueError("a new key is not signed for by a key that its author had before")
        known[key] = True
        if last_value(envelope.payload, 4, 0, 0):
            self.demanding.add(author)
        else:
            self.demanding.discard(author)


class Seals:
    """Sealed forecasts (docs/guide/sealed-forecasts.md)."""

    def __init__(self, origin):
        self.origin = origin.encode()
        self.open = {}  # (question, forecast): (forecaster, digest)
        self.sealed = self.revealed = 0

    def take(self, envelope):
        kind = envelope.type.removeprefix(TYPES)
        if kind not in ("ForecastSealed", "ForecastRevealed"):
            return
        question, forecast, forecaster, fourth = (
            last_value(envelope.payload, number, 2, b"") for number in (1, 2, 3, 4))
        if kind == "ForecastSealed":
            if (question, forecast) in self.open:
                raise ValueError("a forecast is sealed twice")
            self.open[question, forecast] = (forecaster, fourth)
            self.sealed += 1
            return
        sealer, digest = self.open.pop((question, forecast), (None, None))
        if sealer != forecaster:
            raise ValueError("a forecast is revealed by somebody who has no seal of it open")
        statement = last_value(envelope.payload, 5, 2, b"")
        if len(fourth) != 32 or sha256(fourth + statement) != digest:
            raise ValueError("a forecast is not what was sealed")
        names = tuple(last_value(statement, number, 2, b"") for number in (1, 2, 3))
        if names != (self.origin, question, forecaster):
            raise ValueError("a forecast was sealed for another ledger, question or forecaster")
        self.revealed += 1


# --- Entries ---


class Entries:
    """What entries say of themselves and of each other."""

    def __init__(self, key, texts):
        self.key = key
        self.keys = []  # (position that brought it, key)
        self.size = 0
        self.streams = {}  # name: (version, position)
        self.moved = set()
        self.map = StreamMap()
        self.record_time = None
        self.last_record = 0
        self.map_records = self.forecasts = 0
        self.authors = Authors(key.name)
        self.seals = Seals(key.name)
        self.texts = texts

    def take(self, entry):
        try:
            envelope = Envelope(entry)
            self._check(envelope)
        except (ValueError, UnicodeDecodeError) as error:
            raise Broken(str(error), self.size) from error
        self.size += 1

    def _check(self, envelope):
        if envelope.position != self.size:
            raise ValueError(f"the entry says that it stands at position {envelope.position}")
        self._check_times(envelope)
        self._check_payload(envelope)
        self.authors.take(envelope)
        self.seals.take(envelope)
        self.texts.take(self.size, envelope.type.removeprefix(TYPES), envelope.payload)
        for stream, version, previous in envelope.places:
            last_version, last_position = self.streams.get(stream, (-1, None))
            if version != last_version + 1:
                raise ValueError(f"version {version} of stream {stream.decode()} is out of turn")
            if previous != last_position:
                raise ValueError(f"the link to the predecessor in {stream.decode()} is wrong")
            self.streams[stream] = (version, self.size)
            self.moved.add(stream)

    def _check_times(self, envelope):
        begins = self.record_time is None or envelope.record_time > self.record_time
        if not begins and envelope.record_time < self.record_time:
            raise ValueError("the entry was recorded before the entry before it")
        self.record_time = envelope.record_time
        if envelope.effective_time > envelope.record_time:
            raise ValueError("the entry counts from a time after it was recorded")
        if not envelope.backfilled and envelope.effective_time != envelope.record_time:
            raise ValueError("the entry counts from before it was recorded and does not say so")
        overdue = begins and self.size - self.last_record >= UNCOVERED_LIMIT
        if overdue and envelope.type != TYPES + "StreamHeadsRecorded":
            raise ValueError("the heads of the streams should have been recorded by now")

    def _check_payload(self, envelope):
        if self.size == 0:
            origin = last_value(envelope.payload, 1, 2, b"").decode()
            if envelope.type != TYPES + "LedgerCreated" or envelope.places[0][0] != b"ledger":
                raise ValueError("the first entry does not create a ledger")
            if origin != self.key.name:
                raise ValueError(f"the ledger was created as {origin}")
            key = Key(last_value(envelope.payload, 2, 2, b"").decode())
            if key.name != self.key.name:
                raise ValueError("the ledger was created without a key of its name")
            self.keys.append((0, key))
        elif envelope.type == TYPES + "SigningKeyRotated":
            self._check_rotation(envelope)
        elif envelope.type == TYPES + "StreamHeadsRecorded":
            self._check_map(envelope)
        elif envelope.type.removeprefix(TYPES) in FORECASTS:
            self._check_forecast(envelope, FORECASTS[envelope.type.removeprefix(TYPES)])

    def _check_rotation(self, envelope):
        old, new = self.keys[-1][1], Key(last_value(envelope.payload, 1, 2, b"").decode())
        statement = Note(last_value(envelope.payload, 2, 2, b""))
        text = f"{self.key.name}\nkey-rotation/v1\n{self.size}\n{old.text}\n{new.text}\n"
        if new.name != self.key.name or statement.text != text:
            raise ValueError("the rotation of the signing key states something else")
        statement.check(old)
        statement.check(new)
        self.keys.append((self.size, new))

    def key_at(self, size):
        if all(key.text != self.key.text for _, key in self.keys):
            raise Broken("the key that was given is none of the ledger's keys")
        return [key for position, key in self.keys if position < size or position == 0][-1]

    def _check_map(self, envelope):
        if envelope.places[0][0] != b"ledger":
            raise ValueError("stream heads are recorded in another stream than the ledger's")
        for stream in self.moved:
            self.map.set(sha256(stream), *self.streams[stream])
        self.moved.clear()
        covered = last_value(envelope.payload, 1, 0, 0)
        count = last_value(envelope.payload, 2, 0, 0)
        if covered != self.size or count != len(self.streams):
            raise ValueError("the record of the stream heads has another size or number of streams")
        if last_value(envelope.payload, 3, 2, b"") != self.map.root():
            raise ValueError("the recorded map root is not the one that the entries give")
        self.last_record = self.size
        self.map_records += 1

    def _check_forecast(self, envelope, field):
        forecaster = last_value(envelope.payload, field, 2, b"")
        wanted = b"forecasters/" + forecaster + b"/forecasts"
        if all(stream != wanted for stream, _, _ in envelope.places[1:]):
            raise ValueError("the forecast is not among those of its forecaster")
        self.forecasts += 1


def verify(directory, key, earlier=None, policy=None):
    """Verifies all; returns the checkpoint, the entries, and what the policy's check returns."""
    try:
        checkpoint = Checkpoint((directory / "checkpoint").read_bytes(), key)
        earlier = Checkpoint(earlier.read_bytes(), key) if earlier else None
    except FileNotFoundError as error:
        raise Broken(f"{error.filename}: is missing") from error
    if checkpoint.size < 1:
        raise Broken("the checkpoint covers no entries")
    if earlier and earlier.size > checkpoint.size:
        raise Broken("the log is shorter than the checkpoint that was given", checkpoint.size)
    tiles = Tiles(directory, checkpoint.size)
    entries = Entries(key, Texts(directory, checkpoint.size))
    while entries.size < checkpoint.size:
        index = entries.size // WIDTH
        bundle = tiles.entries(index)
        for entry, stated in zip(bundle, tiles.leaves(index)):
            computed = leaf_hash(entry)
            if computed != stated:
                raise Broken("the entry has another hash than its tile says", entries.size)
            entries.take(entry)
            tiles.append(computed)
            if earlier and entries.size == earlier.size and tiles.root() != earlier.root:
                raise Broken("the log is not the one that the given checkpoint covers")
        entries.texts.end_bundle(index)
    tiles.finish()
    if tiles.root() != checkpoint.root:
        raise Broken("the entries have another root than the checkpoint signs")
    checkpoint.check(entries.key_at(checkpoint.size))
    if earlier:
        earlier.check(entries.key_at(earlier.size))
    entries.texts.finish()
    return checkpoint, entries, policy.check(checkpoint.note) if policy else ({}, None)


def read_policy(arguments):
    """Of the arguments; None where they ask for no cosignatures."""
    if arguments.witness_policy:
        return Policy.read(arguments.witness_policy.read_text(encoding="utf-8"))
    if not arguments.witness:
        return None
    keys = [Key(text, 4) for text in arguments.witness]
    return Policy.threshold(keys, arguments.quorum or len(keys))


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


def main():
    parser = argparse.ArgumentParser(description="Verify an exported Credence ledger.")
    parser.add_argument("directory", type=pathlib.Path, help="directory that was exported")
    parser.add_argument("--key", required=True, help="verifier key: name+id+base64")
    parser.add_argument("--checkpoint", type=pathlib.Path,
                        help="a checkpoint saved before; the log must extend it")
    parser.add_argument("--witness-policy", type=pathlib.Path,
                        help="file of the witnesses that must have cosigned (C2SP tlog-policy)")
    parser.add_argument("--witness", action="append",
                        help="verifier key of a witness that must have cosigned")
    parser.add_argument("--quorum", type=int, help="how many of the --witness; all by default")
    parser.add_argument("--output", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    try:
        key = Key(arguments.key)
    except ValueError as error:
        parser.error(f"--key: {error}")
    try:
        policy = read_policy(arguments)
    except (OSError, ValueError) as error:
        parser.error(f"the policy of witnesses: {error}")
    try:
        checkpoint, entries, (times, not_after) = verify(arguments.directory, key,
                                                         arguments.checkpoint, policy)
    except Broken as broken:
        if arguments.output == "json":
            print(json.dumps({"verified": False, "position": broken.position,
                              "error": str(broken)}))
        print(f"credence.verify: {broken}", file=sys.stderr)
        return EXIT_VERIFICATION
    except OSError as error:
        print(f"credence.verify: {error}", file=sys.stderr)
        return EXIT_FAILED
    result = {"verified": True, "origin": checkpoint.origin, "size": checkpoint.size,
              "root": checkpoint.root.hex(), "streams": len(entries.streams),
              "mapRecords": entries.map_records, "forecasts": entries.forecasts,
              "signed": entries.authors.signed, "sealed": entries.seals.sealed,
              "revealed": entries.seals.revealed, "texts": entries.texts.shown,
              "textsErased": entries.texts.gone, "textsHidden": entries.texts.hidden}
    result.update({f"cosigned by {name}": utc(time) for name, time in times.items()})
    if not_after is not None:
        result["all existed at"] = utc(not_after)
    if arguments.output == "json":
        print(json.dumps(result))
    else:
        for name, value in result.items():
            if name != "verified":
                print(f"{name:<11} {value}")
        print("verified")
    return 0


if __name__ == "__main__":
    sys.exit(main())
