"""What the verifier is built on: its error, the hash, and the wire format of protobuf."""

import hashlib


class Broken(Exception):
    """What was checked is not what it must be; `position` where it is about one entry."""

    def __init__(self, message, position=None):
        super().__init__(message if position is None else f"position {position}: {message}")
        self.position = position


def sha256(data):
    return hashlib.sha256(data).digest()


def read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number is broken off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if value >> 64:
                raise ValueError("a number is too large")
            return value, at


def fields(data):
    """(number, wire type, value) of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if kind == 0:
            value, at = read_varint(data, at)
        else:
            if kind == 2:
                size, at = read_varint(data, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise ValueError("a field has an unknown wire type")
            if at + size > len(data):
                raise ValueError("a field is broken off")
            value, at = data[at:at + size], at + size
        yield number, kind, value


def canonical(data, kinds, repeated=None):
    """Fields by number: in rising order, none twice but `repeated`, known ones of their kind."""
    found, last = {}, 0
    for number, kind, value in fields(data):
        if number < last or (number == last and number != repeated):
            raise ValueError("fields are out of order or doubled")
        last = number
        if number in kinds and kinds[number] != kind:
            raise ValueError(f"field {number} has another type")
        if number == repeated:
            found.setdefault(number, []).append(value)
        else:
            found[number] = value
    return found


def last_value(data, number, kind, default):
    value = default
    for n, k, v in fields(data):
        if n == number and k == kind:
            value = v
    return value
