"""Messages as tables: plain rows, and pandas frames where pandas is installed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from credence import v1

if TYPE_CHECKING:
    import pandas

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def rows(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """A dictionary for each message, its fields by name in the order of the proto.

    Fields of parts are joined by dots (`model.node`). Probabilities of states stand by their state
    (`probabilities.yes`). Times are in UTC, enums are their names, what is absent is left out.
    """
    table = []
    for message in messages:
        row: dict[str, Any] = {}
        _fill(message, "", row)
        table.append(row)
    return table


def frame(messages: Iterable[Message]) -> pandas.DataFrame:
    """The rows as a pandas DataFrame. ModuleNotFoundError where pandas is not installed."""
    try:
        import pandas as module
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("credence.frames.frame needs pandas; credence.frames.rows gives "
                                  "the same without it", name="pandas") from error
    return module.DataFrame(rows(messages))


def _fill(message: Message, prefix: str, row: dict[str, Any]) -> None:
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.label == FieldDescriptor.LABEL_REPEATED:
            _fill_repeated(field, value, prefix + field.name, row)
        elif field.has_presence and not message.HasField(field.name):
            continue
        elif field.type != FieldDescriptor.TYPE_MESSAGE:
            row[prefix + field.name] = _scalar(field, value)
        elif value.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
            row[prefix + field.name] = _EPOCH + timedelta(seconds=value.seconds,
                                                          microseconds=value.nanos // 1000)
        elif value.DESCRIPTOR.full_name == "google.protobuf.Duration":
            row[prefix + field.name] = timedelta(seconds=value.seconds,
                                                 microseconds=value.nanos // 1000)
        elif value.DESCRIPTOR.full_name == "google.protobuf.Any":
            row[prefix + field.name] = value.type_url.rsplit(".", 1)[-1]
        else:
            _fill(value, f"{prefix}{field.name}.", row)


def _fill_repeated(field: FieldDescriptor, values: Any, name: str, row: dict[str, Any]) -> None:
    if field.type != FieldDescriptor.TYPE_MESSAGE:
        if values:
            row[name] = [_scalar(field, value) for value in values]
    elif field.message_type.full_name == v1.StateProbability.DESCRIPTOR.full_name:
        row.update({f"{name}.{state.state}": state.probability for state in values})
    elif values:
        row[name] = rows(values)


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.type != FieldDescriptor.TYPE_ENUM:
        return value
    known = field.enum_type.values_by_number.get(value)
    return value if known is None else known.name
