"""The client that blocks."""

from __future__ import annotations

from types import TracebackType
from typing import Optional

from credence import errors as errors
from credence._core import Settings
from credence._core import Tls as Tls
from credence._methods import Methods


class Client(Methods):
    """A client of a Credence server. Thread-safe.

    Each write carries a request id, so that a repeat after a lost answer records nothing twice. A
    call that fails with UNAVAILABLE, or that the server asks to repeat, is repeated with growing
    pauses, at most `retries` times within `timeout` seconds; one that could do harm is not. A read
    sees at least this client's own writes. Failures are exceptions of credence.errors.

    With a `verifier_key`, as `credence init` prints it, every write asks for a proof, and receipts,
    checkpoints and proofs are checked under it before the answer is given: VerificationError where
    one does not hold. The write may then be recorded all the same.

    With `tls` the connection is by TLS, under the system's authorities or those of a file, and shows
    a certificate where one is given. `token` says who calls; in plaintext it goes to this machine
    only: ValueError else.
    """

    def __init__(self, endpoint: str = "127.0.0.1:7700", *, timeout: float = 30.0, actor: str = "",
                 retries: int = 4, backoff: float = 0.1, backoff_max: float = 5.0,
                 read_your_writes: bool = True, verifier_key: str = "", token: str = "",
                 tls: Optional[Tls] = None) -> None:
        super().__init__(Settings(endpoint, timeout, actor, retries, backoff, backoff_max,
                                  read_your_writes, verifier_key, token, tls))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()
