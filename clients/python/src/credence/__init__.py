"""Client of a Credence forecasting ledger.

    from credence import Client, v1

    with Client("127.0.0.1:7700", actor="forecasters/analyst-1") as client:
        question = client.get_question(v1.GetQuestionRequest(name="questions/rain")).question

`credence.aio.Client` is the same for asyncio; `credence.v1` and `credence.event.v1` hold the
messages, `credence.errors` the exceptions, `credence.frames` tables, `credence.proofs` the checks of
proofs, `credence.signing` the signatures of authors. `credence.verify` verifies an exported ledger and needs none of the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from credence._core import Tls as Tls
    from credence.client import Client as Client
    from credence.errors import CredenceError as CredenceError

# Imported when first asked for, so that `credence.verify` runs without gRPC and generated code.
_NAMES = {"Client": "credence.client", "CredenceError": "credence.errors",
          "Tls": "credence._core"}


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'credence' has no attribute {name!r}")
