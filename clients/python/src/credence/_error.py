"""The exceptions of codes, and how an exception is made of what gRPC says."""

from __future__ import annotations

import importlib.resources
from typing import Any, Optional

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_DETAILS_KEY = "grpc-status-details-bin"


class CredenceError(Exception):
    """What a server refused, or why it could not be reached."""

    def __init__(self, message: str, *, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
                 reason: str = "", metadata: Optional[dict[str, str]] = None,
                 fields: Optional[dict[str, str]] = None, subjects: Optional[list[str]] = None,
                 retry_delay: Optional[float] = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        # A value of credence.v1.ErrorReason without its prefix; empty for errors of the connection.
        self.reason = reason
        self.metadata = metadata or {}
        # What was wrong with each field, by its path.
        self.fields = fields or {}
        # What stands in the way, such as clashing items.
        self.subjects = subjects or []
        # Seconds after which the server wants to be asked again.
        self.retry_delay = retry_delay

    def __str__(self) -> str:
        lines = [f"{self.message} [{self.reason}]" if self.reason else self.message]
        lines += [f"  {field}: {description}" for field, description in self.fields.items()]
        lines += [f"  {subject}" for subject in self.subjects]
        return "\n".join(lines)


class CancelledError(CredenceError):
    """The call was cancelled."""


class UnknownError(CredenceError):
    """An error of no known kind."""


class InvalidArgumentError(CredenceError):
    """The request is malformed: correct it."""


class DeadlineExceededError(CredenceError):
    """The answer did not come in time."""


class NotFoundError(CredenceError):
    """There is no such thing."""


class AlreadyExistsError(CredenceError):
    """There is such a thing already."""


class PermissionDeniedError(CredenceError):
    """The caller may not do this."""


class ResourceExhaustedError(CredenceError):
    """A limit is reached."""


class FailedPreconditionError(CredenceError):
    """The state of the ledger does not allow this."""


class AbortedError(CredenceError):
    """Something else was written first: read again, then decide."""


class OutOfRangeError(CredenceError):
    """A position lies beyond the head."""


class UnimplementedError(CredenceError):
    """The server does not know this method."""


class InternalError(CredenceError):
    """A fault of the server."""


class UnavailableError(CredenceError):
    """The server cannot be reached, or drains."""


class DataLossError(CredenceError):
    """The ledger's bytes are not what they must be."""


class VerificationError(DataLossError):
    """A proof, a receipt or a checkpoint does not hold."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=grpc.StatusCode.DATA_LOSS, reason="VERIFICATION_FAILED")


class UnauthenticatedError(CredenceError):
    """The caller is not known."""


BY_CODE: dict[grpc.StatusCode, type[CredenceError]] = {
    grpc.StatusCode.CANCELLED: CancelledError,
    grpc.StatusCode.UNKNOWN: UnknownError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    grpc.StatusCode.ABORTED: AbortedError,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRangeError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
    grpc.StatusCode.INTERNAL: InternalError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DATA_LOSS: DataLossError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
}

# Filled by credence.errors: one exception for each reason, below that of its code.
BY_REASON: dict[str, type[CredenceError]] = {}


def _detail_types() -> dict[str, Any]:
    """Messages of google.rpc by name, in a pool of their own."""
    data = importlib.resources.files("credence").joinpath("rpc_details.binpb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(f"google.rpc.{name}"))
            for name in ("Status", "ErrorInfo", "BadRequest", "PreconditionFailure", "RetryInfo")}


_TYPES = _detail_types()


def _details(data: bytes) -> dict[str, Any]:
    """The arguments of an exception from a serialized google.rpc.Status."""
    found: dict[str, Any] = {}
    for part in _TYPES["Status"].FromString(data).details:
        name = part.type_url.rsplit(".", 1)[-1]
        if name not in _TYPES:
            continue
        detail = _TYPES[name].FromString(part.value)
        if name == "ErrorInfo":
            found["reason"], found["metadata"] = detail.reason, dict(detail.metadata)
        elif name == "BadRequest":
            found["fields"] = {v.field: v.description for v in detail.field_violations}
        elif name == "PreconditionFailure":
            found["subjects"] = [v.subject for v in detail.violations]
        elif name == "RetryInfo":
            found["retry_delay"] = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
    return found


def from_rpc(error: Any) -> CredenceError:
    """The exception for a grpc.RpcError or a grpc.aio.AioRpcError."""
    trailers = {key: value for key, value in error.trailing_metadata() or ()}
    arguments = _details(trailers[_DETAILS_KEY]) if _DETAILS_KEY in trailers else {}
    code = error.code()
    kind = BY_REASON.get(arguments.get("reason", ""), BY_CODE.get(code, CredenceError))
    return kind(error.details() or code.name, code=code, **arguments)
