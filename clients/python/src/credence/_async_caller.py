"""Calls that are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Optional

import grpc

from credence import _error, v1
from credence._caller import _GET_TREE_HEAD
from credence._core import (CHANNEL_OPTIONS, PAGE_SIZE_MAX, Attempts, Core, Item, Method, Request,
                            Response, Settings, WatchState)


class AsyncWatch(WatchState[Item], AsyncIterator[Item]):
    """Items as they are recorded, for ever. After a lost connection it goes on where it was:
    nothing is missed and nothing comes twice. Ends by `cancel`, or as a context."""

    async def __aenter__(self) -> AsyncWatch[Item]:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]],
                        error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.cancel()

    async def __anext__(self) -> Item:
        while not self._items:
            try:
                await self._advance()
            except grpc.RpcError as error:
                await self._break(_error.from_rpc(error))
            except asyncio.CancelledError:
                # Of the stream by `cancel`, or of the task that waits.
                if not self._cancelled:
                    self.cancel()
                    raise
            if self._cancelled:
                raise StopAsyncIteration
        return self._items.popleft()

    async def _advance(self) -> None:
        if self._call is None:
            self._call = await self._begin()
        async for message in self._call:
            self._attempts.failures = 0
            self._items.extend(self._progress.take(message))
            if self._items or self._cancelled:
                return
        # The server ended the stream without an error.
        self._cancelled = True

    async def _begin(self) -> Any:
        if self._progress.next_position == 0:
            # Pinned first: were the connection lost before the first message, the head would have
            # moved on.
            if not self._request.HasField("start_position"):
                head = await self._caller._call(_GET_TREE_HEAD, v1.GetTreeHeadRequest(), None)
                self._request.start_position = head.tree_head.tree_size
            self._progress.next_position = self._request.start_position
        self._request.start_position = self._progress.next_position
        return self._caller._open(self._method, self._request, None)

    async def _break(self, error: _error.CredenceError) -> None:
        self._call = None
        if self._cancelled:
            return
        pause = self._attempts.pause_after(error)
        if pause is None:
            raise error from None
        await asyncio.sleep(pause)


class AsyncCaller:
    """A connection and what calls do with it. For the event loop that it was made in."""

    _signer: Any = None

    def __init__(self, settings: Settings) -> None:
        self._core = Core(settings)
        credentials = settings.credentials()
        self._channel = (
            grpc.aio.insecure_channel(settings.endpoint, options=CHANNEL_OPTIONS)
            if credentials is None
            else grpc.aio.secure_channel(settings.endpoint, credentials, options=CHANNEL_OPTIONS))
        self._checker: Any = None
        if settings.verifier_key:
            from credence.proofs import ProofChecker
            self._checker = ProofChecker(settings.verifier_key)

    @property
    def written_position(self) -> Optional[int]:
        """Highest position that this client has written; None before its first write."""
        return self._core.written

    async def close(self) -> None:
        """Ends the connection and what is under way."""
        await self._channel.close()

    def sign_with(self, key: Any) -> None:
        """Signs from now on what the author of `key`, a credence.signing.AuthorKey, states."""
        from credence.signing import Signer
        self._signer = Signer(key)

    async def _call(self, method: Method[Request, Response], request: Request,
                    timeout: Optional[float]) -> Response:
        completed = self._core.complete(request)
        if self._signer is not None:
            await self._follow(self._signer.sign(completed))
        response = await self._repeat(method, completed, timeout)
        self._core.note(response)
        if self._checker is not None:
            await self._follow(self._checker.check(response))
        return response

    async def _repeat(self, method: Method[Request, Response], request: Request,
                      timeout: Optional[float]) -> Response:
        settings = self._core.settings
        attempts = Attempts(settings, settings.timeout if timeout is None else timeout)
        stub = self._channel.unary_unary(method.path, method.request.SerializeToString,
                                         method.response.FromString)
        while True:
            try:
                return await stub(request, timeout=attempts.remaining(),
                                  metadata=settings.metadata())
            except grpc.RpcError as rpc_error:
                error = _error.from_rpc(rpc_error)
            pause = attempts.pause_after(error) if method.may_repeat(request) else None
            if pause is None:
                raise error
            await asyncio.sleep(pause)

    async def _follow(self, steps: Any) -> None:
        """Asks the server for what the steps want, until they end."""
        try:
            wanted = next(steps)
            while True:
                method, request = wanted
                wanted = steps.send(await self._repeat(method, request, None))
        except StopIteration:
            return

    def _open(self, method: Method, request: Any, timeout: Optional[float]) -> Any:
        stub = self._channel.unary_stream(method.path, method.request.SerializeToString,
                                          method.response.FromString)
        return stub(request, timeout=timeout, metadata=self._core.settings.metadata())

    async def _stream(self, method: Method[Request, Response], request: Request,
                      timeout: Optional[float]) -> AsyncIterator[Response]:
        try:
            async for message in self._open(method, request, timeout):
                yield message
        except grpc.RpcError as error:
            raise _error.from_rpc(error) from None

    def _watch(self, method: Method, request: Any, field: str) -> AsyncWatch[Any]:
        return AsyncWatch(self, method, request, field)

    async def _pages(self, method: Method, request: Any, field: str,
                     timeout: Optional[float]) -> AsyncIterator[Any]:
        page = method.request()
        page.CopyFrom(request)
        page.page.page_size = page.page.page_size or PAGE_SIZE_MAX
        while True:
            response = await self._call(method, page, timeout)
            for item in getattr(response, field):
                yield item
            if not response.next_page_token:
                return
            page.page.page_token = response.next_page_token
