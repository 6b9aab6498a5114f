"""What both clients do, without any input or output of their own."""

from __future__ import annotations

import dataclasses
import ipaddress
import pathlib
import random
import time
import uuid
from collections import deque
from typing import Any, Generic, Optional, TypeVar

import grpc
from google.protobuf.message import Message

from credence import v1
from credence._error import CredenceError, ResourceExhaustedError, UnavailableError

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Item = TypeVar("Item")

# Larger than any answer that a server of the default limits gives.
_MESSAGE_BYTES_MAX = 256 * 1024 * 1024
PAGE_SIZE_MAX = 1000

CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", _MESSAGE_BYTES_MAX),
    # Below gRPC's own second, so that a server that has just come up is found by the next repeat.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # In truth how long one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 5000),
]


class Method(Generic[Request, Response]):
    """An rpc: its path, its types, and whether its contract says that a repeat does no harm."""

    def __init__(self, path: str, request: type[Request], response: type[Response],
                 idempotent: bool) -> None:
        self.path, self.request, self.response = path, request, response
        self.idempotent = idempotent

    def may_repeat(self, request: Request) -> bool:
        """A write may be repeated where the ledger will know it again by its id."""
        options = getattr(request, "options", None)
        known = isinstance(options, v1.WriteOptions) and bool(options.request_id)
        return self.idempotent or known


@dataclasses.dataclass(frozen=True)
class Tls:
    """How a client knows its server, and what it shows of itself. PEM files."""

    # Of the authorities that the server's certificate is checked against; the system's where None.
    authority: Optional[str] = None
    # A certificate to show, with its chain, and its private key.
    certificate: Optional[str] = None
    key: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a client behaves. Times are in seconds."""

    endpoint: str
    timeout: float
    actor: str
    retries: int
    backoff: float
    backoff_max: float
    read_your_writes: bool
    verifier_key: str
    token: str = ""
    tls: Optional[Tls] = None

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What says who calls."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def credentials(self) -> Optional[grpc.ChannelCredentials]:
        """TLS as it was asked for; None for plaintext, in which no token leaves this machine."""
        if self.tls is not None:
            return grpc.ssl_channel_credentials(_read(self.tls.authority), _read(self.tls.key),
                                                _read(self.tls.certificate))
        if self.token and not _stays_here(self.endpoint):
            raise ValueError(f"the token would be sent to {self.endpoint} in plaintext: give tls")
        return None


def _read(path: Optional[str]) -> Optional[bytes]:
    return None if path is None else pathlib.Path(path).read_bytes()


def _stays_here(endpoint: str) -> bool:
    if endpoint.startswith("unix:"):
        return True
    host = endpoint.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _view_of(request: Any) -> Optional[v1.ReadView]:
    """The view in a request, or in its inference target; None where it has none."""
    for holder in (request, getattr(request, "target", None)):
        view = getattr(holder, "view", None)
        if isinstance(view, v1.ReadView):
            return view
    return None


class Core:
    """Completes requests and remembers what was written."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.written: Optional[int] = None

    def complete(self, request: Request) -> Request:
        """A copy with what a request should have: its id, its author, what it must see."""
        completed = type(request)()
        completed.CopyFrom(request)
        options = getattr(completed, "options", None)
        if isinstance(options, v1.WriteOptions):
            options.request_id = options.request_id or str(uuid.uuid4())
            options.actor = options.actor or self.settings.actor
            options.include_proof = options.include_proof or bool(self.settings.verifier_key)
        self._complete_view(completed)
        return completed

    def _complete_view(self, request: Any) -> None:
        view = _view_of(request)
        page = getattr(request, "page", None)
        pinned = isinstance(page, v1.PageRequest) and page.page_token
        if (view is None or pinned or self.written is None or not self.settings.read_your_writes
                or view.HasField("min_position") or view.WhichOneof("as_of")):
            return
        view.min_position = self.written

    def note(self, response: Any) -> None:
        receipt = getattr(response, "receipt", None)
        if not isinstance(receipt, v1.Receipt) or not response.HasField("receipt"):
            return
        last = receipt.position + max(receipt.event_count - 1, 0)
        self.written = last if self.written is None else max(self.written, last)


class Attempts:
    """The attempts of one call, or of a watch since its last message."""

    def __init__(self, settings: Settings, timeout: Optional[float]) -> None:
        self.settings = settings
        self.deadline = None if timeout is None else time.monotonic() + timeout
        self.failures = 0

    def remaining(self) -> Optional[float]:
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def pause_after(self, error: CredenceError) -> Optional[float]:
        """Seconds until the next attempt; None where there is none."""
        if not _may_pass(error) or self.failures >= self.settings.retries:
            return None
        grown = min(self.settings.backoff * 2**min(self.failures, 30), self.settings.backoff_max)
        self.failures += 1
        pause = max(grown * random.uniform(0.5, 1.0), error.retry_delay or 0.0)
        remaining = self.remaining()
        return None if remaining is not None and pause >= remaining else pause


def _may_pass(error: CredenceError) -> bool:
    if isinstance(error, UnavailableError):
        return True
    return isinstance(error, ResourceExhaustedError) and error.retry_delay is not None


def position_of(item: Any) -> int:
    """Position of an event or a published posterior."""
    return int(item.envelope.position if isinstance(item, v1.Event) else item.position)


class Progress(Generic[Response]):
    """How far a watch has come. Resumed from `next_position` it misses and repeats nothing."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.next_position = 0

    def take(self, message: Any) -> list[Any]:
        """The items of a message that were not given before."""
        value = getattr(message, self.field)
        if isinstance(value, Message):
            value = [value] if message.HasField(self.field) else []
        items = [item for item in value if position_of(item) >= self.next_position]
        self.next_position = max(self.next_position, message.next_position)
        return items


class WatchState(Generic[Item]):
    """A watch, however its messages are waited for."""

    def __init__(self, caller: Any, method: Method[Any, Any], request: Any, field: str) -> None:
        self._caller, self._method = caller, method
        self._request = method.request()
        self._request.CopyFrom(request)
        self._progress: Progress[Any] = Progress(field)
        self._attempts = Attempts(caller._core.settings, None)
        self._items: deque[Item] = deque()
        self._call: Any = None
        self._cancelled = False

    @property
    def next_position(self) -> int:
        """Every position before this one has been looked at."""
        return self._progress.next_position

    def cancel(self) -> None:
        """Ends the iteration."""
        self._cancelled = True
        if self._call is not None:
            self._call.cancel()


def is_cancelled(error: Any) -> bool:
    return bool(error.code() == grpc.StatusCode.CANCELLED)
