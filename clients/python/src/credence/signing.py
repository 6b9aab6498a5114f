"""Signatures of authors: what a forecaster or a source states, signed with its own key.

    key = AuthorKey.read("analyst-7.key")
    with Client() as client:
        client.sign_with(key)
        client.create_forecast(...)

What is signed is in docs/reference/author-signatures.md. Needs python3-cryptography.
"""

from __future__ import annotations

import base64
import hashlib
import pathlib
import struct
from collections.abc import Callable, Generator
from typing import Any, Optional, Union

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import DecodeError, Message

from credence import v1
from credence._core import Method
from credence.event import v1 as event

__all__ = ["AuthorKey", "Signer"]

_PREFIX = "PRIVATE+KEY+"
_ED25519 = b"\x01"
# Characters of the digest that an id is made of.
_ID_DIGITS = 20

_GET_QUESTION = Method("/credence.v1.QuestionService/GetQuestion", v1.GetQuestionRequest,
                       v1.GetQuestionResponse, True)
_GET_SERVER_INFO = Method("/credence.v1.LedgerService/GetServerInfo", v1.GetServerInfoRequest,
                          v1.GetServerInfoResponse, True)

# What signing asks the server for: a method and its request.
Steps = Generator[tuple[Method, Any], Any, None]


def signed_bytes(title: str, *parts: bytes) -> bytes:
    """A title, and each part behind its length."""
    return title.encode() + b"\n" + b"".join(struct.pack(">Q", len(part)) + part for part in parts)


class AuthorKey:
    """The private key of an author, as `credence author keygen` writes it to a file."""

    def __init__(self, author: str, seed: bytes) -> None:
        """`author` is `forecasters/{id}` or `sources/{id}`; `seed` has 32 bytes. ValueError else."""
        collection, _, name = author.partition("/")
        if collection not in ("forecasters", "sources") or not name or set(name) & set("/+ \n"):
            raise ValueError(f"author: {author!r} is not forecasters/{{id}} or sources/{{id}}")
        self.author = author
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key: bytes = self._key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    @classmethod
    def read(cls, path: Union[str, pathlib.Path]) -> AuthorKey:
        """Reads a key file. ValueError where it is none; OSError where it cannot be read."""
        text = pathlib.Path(path).read_text(encoding="utf-8").rstrip()
        try:
            if not text.startswith(_PREFIX):
                raise ValueError("it does not begin as one")
            author, key_id, body = text[len(_PREFIX):].split("+", 2)
            data = base64.b64decode(body, validate=True)
            key = cls(author, data[1:])
            if data[:1] != _ED25519 or key_id != key._id().hex():
                raise ValueError("its id is not that of its author and key")
        except ValueError as error:
            raise ValueError(f"{path} is no author's key, as `credence author keygen` writes it: "
                             f"{error}") from None
        return key

    def _id(self) -> bytes:
        named = self.author.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(named).digest()[:4]

    @property
    def verifier_key(self) -> str:
        """What others check signatures with: author+id+base64."""
        body = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.author}+{self._id().hex()}+{body}"

    def sign(self, data: bytes) -> bytes:
        """Ed25519 signature: 64 bytes."""
        return bytes(self._key.sign(data))

    def sign_possession(self, origin: str) -> bytes:
        """For RegisterAuthorKeyRequest: that the holder of this key is its author."""
        return self.sign(signed_bytes("credence-author-key/v1", origin.encode(),
                                      self.author.encode(), self.public_key))


class Signer:
    """Signs requests with a key, before they are sent. Thread-safe.

    Only what the key's author states is signed: forecasts, withdrawals, seals and reveals of the
    forecaster, and evidence whose actor it is. What the server would choose is chosen here, so that
    it can be signed: ids are derived from the request id. ValueError where evidence has no node or
    time, and a seal no time to be revealed at.
    """

    def __init__(self, key: AuthorKey) -> None:
        self._key = key
        self._origin: Optional[str] = None

    def sign(self, request: Any) -> Steps:
        """Adds to `request`, which has its request id, the statements that it makes."""
        add = _STATEMENTS.get(type(request))
        if add is None or request.options.validate_only or request.options.statements:
            return
        if self._origin is None:
            self._origin = (yield _GET_SERVER_INFO, v1.GetServerInfoRequest()).origin
        yield from add(_Statements(self._key, self._origin, request.options), request)


class _Statements:
    """The statements of one request."""

    def __init__(self, key: AuthorKey, origin: str, options: Any) -> None:
        self._key, self._origin, self._options = key, origin, options
        self._questions: dict[str, Any] = {}

    def create_forecast(self, request: Any) -> Steps:
        if self._is_author(request.forecast.forecaster):
            request.forecast_id = request.forecast_id or self._id(0)
            yield from self._forecast(request.parent, request.forecast_id, request.forecast,
                                      self._time())

    def batch_create_forecasts(self, request: Any) -> Steps:
        for index, item in enumerate(request.items):
            if not self._is_author(item.forecast.forecaster):
                continue
            time = item.effective_time if item.HasField("effective_time") else self._time()
            if item.withdraw:
                self._withdrawal(item.parent, item.forecast, time, item.forecast.attributes)
                continue
            item.forecast_id = item.forecast_id or self._id(index)
            yield from self._forecast(item.parent, item.forecast_id, item.forecast, time)

    def withdraw_forecast(self, request: Any) -> Steps:
        if self._is_author(request.forecaster):
            self._withdrawal(request.parent, request, self._time(), ())
        yield from ()

    def seal_forecast(self, request: Any) -> Steps:
        if self._is_author(request.forecaster):
            request.forecast_id = request.forecast_id or self._id(0)
            if not request.HasField("reveal_time"):
                raise ValueError("reveal_time must be given, since it is signed")
            self._add(event.ForecastSealed(
                question=_last(request.parent), forecast=request.forecast_id,
                forecaster=_last(request.forecaster), digest=request.digest,
                reveal_time=request.reveal_time), None)
        yield from ()

    def reveal_forecast(self, request: Any) -> Steps:
        statement = event.SealedForecast()
        try:
            statement.ParseFromString(request.statement)
        except DecodeError:
            return  # The server says what is wrong with it.
        if self._is_author(f"forecasters/{statement.forecaster}"):
            self._add(event.ForecastRevealed(
                question=statement.question, forecast=_last(request.name),
                forecaster=statement.forecaster, salt=request.salt, statement=request.statement,
                rationale=request.rationale), None)
        yield from ()

    def create_evidence(self, request: Any) -> Steps:
        if self._is_author(self._options.actor):
            network = yield from self._network(request.parent)
            request.evidence_id = request.evidence_id or self._id(0)
            self._evidence(network, request.evidence_id, request.evidence.model, "", self._time())

    def batch_create_evidence(self, request: Any) -> Steps:
        if not self._is_author(self._options.actor):
            return
        network = yield from self._network(request.parent)
        for index, item in enumerate(request.items):
            item.evidence_id = item.evidence_id or self._id(index)
            time = item.effective_time if item.HasField("effective_time") else self._time()
            self._evidence(network, item.evidence_id, item.evidence.model, "", time)

    def supersede_evidence(self, request: Any) -> Steps:
        if self._is_author(self._options.actor):
            network = yield from self._network(_parent(request.name))
            request.evidence_id = request.evidence_id or self._id(0)
            self._evidence(network, request.evidence_id, request.evidence.model,
                           _last(request.name), self._time())

    def retract_evidence(self, request: Any) -> Steps:
        if self._is_author(self._options.actor):
            network = yield from self._network(_parent(request.name))
            self._add(event.EvidenceRetracted(network=network, evidence=_last(request.name),
                                              rationale=request.rationale), self._time())

    def register_author_key(self, request: Any) -> Steps:
        # A first key is registered without another.
        if self._is_author(request.parent) and request.public_key != self._key.public_key:
            self._add(event.AuthorKeyRegistered(
                author=request.parent, public_key=request.public_key,
                possession_signature=request.possession_signature,
                signature_required=request.signature_required), None)
        yield from ()

    def revoke_author_key(self, request: Any) -> Steps:
        if self._is_author(request.parent):
            self._add(event.AuthorKeyRevoked(author=request.parent, public_key=request.public_key,
                                             rationale=request.rationale), None)
        yield from ()

    def _is_author(self, name: str) -> bool:
        return name == self._key.author

    def _time(self) -> Any:
        return (self._options.effective_time if self._options.HasField("effective_time") else None)

    def _id(self, index: int) -> str:
        """One for a request and its repeats."""
        named = f"credence-id\n{self._options.request_id}\n{index}".encode()
        return "s" + hashlib.sha256(named).hexdigest()[:_ID_DIGITS]

    def _question(self, name: str) -> Generator[tuple[Method, Any], Any, Any]:
        if name not in self._questions:
            response = yield _GET_QUESTION, v1.GetQuestionRequest(name=name)
            self._questions[name] = response.question
        return self._questions[name]

    def _network(self, parent: str) -> Generator[tuple[Method, Any], Any, str]:
        if not parent.startswith("questions/"):
            return _last(parent)
        question = yield from self._question(parent)
        return _last(question.network)

    def _forecast(self, parent: str, name: str, forecast: Any, time: Any) -> Steps:
        payload = event.ForecastRecorded(question=_last(parent), forecast=name,
                                         forecaster=_last(forecast.forecaster))
        if forecast.HasField("distribution"):
            payload.distribution.CopyFrom(forecast.distribution)
        else:
            # In the order of the question's states. What does not fit them is left to the server,
            # which says what is wrong with it.
            states = (yield from self._question(parent)).states
            stated = {one.state: one.probability for one in forecast.probabilities}
            if forecast.HasField("probability") and len(states) == 2:
                stated = dict(zip(states, (forecast.probability, 1.0 - forecast.probability)))
            payload.states.extend(states)
            payload.probabilities.extend(stated[state] for state in states if state in stated)
        payload.rationale = forecast.rationale
        payload.attributes.extend(forecast.attributes)
        self._add(payload, time)

    def _withdrawal(self, parent: str, said: Any, time: Any, attributes: Any) -> None:
        self._add(event.ForecastWithdrawn(
            question=_last(parent), forecaster=_last(said.forecaster), rationale=said.rationale,
            attributes=attributes), time)

    def _evidence(self, network: str, name: str, model: Any, supersedes: str, time: Any) -> None:
        # The server would choose these, and so what is signed.
        if not model.HasField("occur_time"):
            raise ValueError("occur_time must be given, since it is signed")
        if not model.node:
            raise ValueError("node must be given, since it is signed")
        payload = event.EvidenceRecorded(network=network, evidence=name, model=model,
                                         supersedes=supersedes)
        if model.source:
            payload.model.source = f"sources/{_last(model.source)}"
        self._add(payload, time)

    def _replace_texts(self, payload: Any, statement: Any) -> None:
        """Puts the digest of each text in its place; whoever signs a digest has said the text.

        A salt is made of a signature that nobody else can make and that is shown to nobody, so that
        a repeat of the request is the same byte for byte.
        """
        for path in _TEXTS.get(type(payload), ("rationale",)):
            *parents, name = path.split(".")
            holder = payload
            for parent in parents:
                holder = getattr(holder, parent)
            text = getattr(holder, name, "")
            if not text:
                continue
            salt = hashlib.sha256(self._key.sign(
                f"credence-text-salt/v1\n{self._origin}\n{self._options.request_id}\n"
                f"{len(self._options.statements)}\n{path}".encode())).digest()
            payload.text_digests.add(field=path,
                                     digest=hashlib.sha256(salt + text.encode()).digest())
            statement.text_salts.add(field=path, salt=salt)
            holder.ClearField(name)

    def _add(self, payload: Message, time: Any) -> None:
        statement = self._options.statements.add(payload_type=payload.DESCRIPTOR.full_name)
        self._replace_texts(payload, statement)
        statement.payload = payload.SerializeToString()
        signature = statement.signature
        signature.author, signature.public_key = self._key.author, self._key.public_key
        stated = b""
        if time is not None:
            signature.effective_time.CopyFrom(time)
            stated = struct.pack(">qi", time.seconds, time.nanos)
        signature.signature = self._key.sign(signed_bytes(
            "credence-statement/v1", self._origin.encode(), self._key.author.encode(),
            statement.payload_type.encode(), self._options.request_id.encode(), stated,
            statement.payload))


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _parent(evidence: str) -> str:
    return evidence.rpartition("/evidence/")[0]


# Paths of the texts that a statement gives by their digests; `rationale` where it is not named.
_TEXTS: dict[type, tuple[str, ...]] = {event.EvidenceRecorded: ("model.summary", "model.url")}

_STATEMENTS: dict[type, Callable[[_Statements, Any], Steps]] = {
    v1.CreateForecastRequest: _Statements.create_forecast,
    v1.BatchCreateForecastsRequest: _Statements.batch_create_forecasts,
    v1.WithdrawForecastRequest: _Statements.withdraw_forecast,
    v1.SealForecastRequest: _Statements.seal_forecast,
    v1.RevealForecastRequest: _Statements.reveal_forecast,
    v1.CreateEvidenceRequest: _Statements.create_evidence,
    v1.BatchCreateEvidenceRequest: _Statements.batch_create_evidence,
    v1.SupersedeEvidenceRequest: _Statements.supersede_evidence,
    v1.RetractEvidenceRequest: _Statements.retract_evidence,
    v1.RegisterAuthorKeyRequest: _Statements.register_author_key,
    v1.RevokeAuthorKeyRequest: _Statements.revoke_author_key,
}
