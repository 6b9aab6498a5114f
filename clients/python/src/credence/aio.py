"""The client for asyncio."""

from __future__ import annotations

from types import TracebackType
from typing import Optional

from credence import errors as errors
from credence._async_methods import AsyncMethods
from credence._core import Settings
from credence._core import Tls as Tls


class Client(AsyncMethods):
    """credence.Client for asyncio: the same names, awaited. For one event loop, in which it must be
    made."""

    def __init__(self, endpoint: str = "127.0.0.1:7700", *, timeout: float = 30.0, actor: str = "",
                 retries: int = 4, backoff: float = 0.1, backoff_max: float = 5.0,
                 read_your_writes: bool = True, verifier_key: str = "", token: str = "",
                 tls: Optional[Tls] = None) -> None:
        super().__init__(Settings(endpoint, timeout, actor, retries, backoff, backoff_max,
                                  read_your_writes, verifier_key, token, tls))

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]],
                        error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.close()
