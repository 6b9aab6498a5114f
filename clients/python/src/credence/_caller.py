"""Calls that block."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Optional

import grpc

from credence import _error, v1
from credence._core import (CHANNEL_OPTIONS, PAGE_SIZE_MAX, Attempts, Core, Item, Method, Request,
                            Response, Settings, WatchState)


class Watch(WatchState[Item], Iterator[Item]):
    """Items as they are recorded, for ever. After a lost connection it goes on where it was:
    nothing is missed and nothing comes twice. Ends by `cancel`, from any thread, or as a context."""

    def __enter__(self) -> Watch[Item]:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.cancel()

    def __next__(self) -> Item:
        while not self._items:
            try:
                self._advance()
            except grpc.RpcError as error:
                self._break(_error.from_rpc(error))
            if self._cancelled:
                raise StopIteration
        return self._items.popleft()

    def _advance(self) -> None:
        if self._call is None:
            self._call = self._begin()
        for message in self._call:
            self._attempts.failures = 0
            self._items.extend(self._progress.take(message))
            if self._items or self._cancelled:
                return
        # The server ended the stream without an error.
        self._cancelled = True

    def _begin(self) -> Any:
        if self._progress.next_position == 0:
            # Pinned first: were the connection lost before the first message, the head would have
            # moved on.
            if not self._request.HasField("start_position"):
                head = self._caller._call(_GET_TREE_HEAD, v1.GetTreeHeadRequest(), None)
                self._request.start_position = head.tree_head.tree_size
            self._progress.next_position = self._request.start_position
        self._request.start_position = self._progress.next_position
        return self._caller._open(self._method, self._request, None)

    def _break(self, error: _error.CredenceError) -> None:
        self._call = None
        if self._cancelled:
            return
        pause = self._attempts.pause_after(error)
        if pause is None:
            raise error from None
        time.sleep(pause)


class Caller:
    """A connection and what calls do with it. Thread-safe."""

    _signer: Any = None

    def __init__(self, settings: Settings) -> None:
        self._core = Core(settings)
        credentials = settings.credentials()
        self._channel = (
            grpc.insecure_channel(settings.endpoint, options=CHANNEL_OPTIONS)
            if credentials is None
            else grpc.secure_channel(settings.endpoint, credentials, options=CHANNEL_OPTIONS))
        self._checker: Any = None
        if settings.verifier_key:
            from credence.proofs import ProofChecker
            self._checker = ProofChecker(settings.verifier_key)

    @property
    def written_position(self) -> Optional[int]:
        """Highest position that this client has written; None before its first write."""
        return self._core.written

    def close(self) -> None:
        """Ends the connection and what is under way."""
        self._channel.close()

    def sign_with(self, key: Any) -> None:
        """Signs from now on what the author of `key`, a credence.signing.AuthorKey, states."""
        from credence.signing import Signer
        self._signer = Signer(key)

    def _call(self, method: Method[Request, Response], request: Request,
              timeout: Optional[float]) -> Response:
        completed = self._core.complete(request)
        if self._signer is not None:
            self._follow(self._signer.sign(completed))
        response = self._repeat(method, completed, timeout)
        self._core.note(response)
        if self._checker is not None:
            self._follow(self._checker.check(response))
        return response

    def _repeat(self, method: Method[Request, Response], request: Request,
                timeout: Optional[float]) -> Response:
        settings = self._core.settings
        attempts = Attempts(settings, settings.timeout if timeout is None else timeout)
        stub = self._channel.unary_unary(method.path, method.request.SerializeToString,
                                         method.response.FromString)
        while True:
            try:
                return stub(request, timeout=attempts.remaining(),
                            metadata=settings.metadata())
            except grpc.RpcError as rpc_error:
                error = _error.from_rpc(rpc_error)
            pause = attempts.pause_after(error) if method.may_repeat(request) else None
            if pause is None:
                raise error
            time.sleep(pause)

    def _follow(self, steps: Any) -> None:
        """Asks the server for what the steps want, until they end."""
        try:
            wanted = next(steps)
            while True:
                method, request = wanted
                wanted = steps.send(self._repeat(method, request, None))
        except StopIteration:
            return

    def _open(self, method: Method, request: Any, timeout: Optional[float]) -> Any:
        stub = self._channel.unary_stream(method.path, method.request.SerializeToString,
                                          method.response.FromString)
        return stub(request, timeout=timeout, metadata=self._core.settings.metadata())

    def _stream(self, method: Method[Request, Response], request: Request,
                timeout: Optional[float]) -> Iterator[Response]:
        try:
            yield from self._open(method, request, timeout)
        except grpc.RpcError as error:
            raise _error.from_rpc(error) from None

    def _watch(self, method: Method, request: Any, field: str) -> Watch[Any]:
        return Watch(self, method, request, field)

    def _pages(self, method: Method, request: Any, field: str,
               timeout: Optional[float]) -> Iterator[Any]:
        page = method.request()
        page.CopyFrom(request)
        page.page.page_size = page.page.page_size or PAGE_SIZE_MAX
        while True:
            response = self._call(method, page, timeout)
            yield from getattr(response, field)
            if not response.next_page_token:
                return
            page.page.page_token = response.next_page_token


_GET_TREE_HEAD = Method("/credence.v1.LedgerService/GetTreeHead", v1.GetTreeHeadRequest,
                        v1.GetTreeHeadResponse, True)
