"""The reference of errors, made from error_reason.proto.

Prints the page, or with a path writes it there: tests/tidy/errors_reference.py docs/reference/errors.md
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto/credence/v1/error_reason.proto"

CODES = {
    3: ("INVALID_ARGUMENT", 1),
    4: ("DEADLINE_EXCEEDED", 6),
    5: ("NOT_FOUND", 3),
    6: ("ALREADY_EXISTS", 4),
    7: ("PERMISSION_DENIED", 7),
    8: ("RESOURCE_EXHAUSTED", 1),
    9: ("FAILED_PRECONDITION", 5),
    10: ("ABORTED", 4),
    11: ("OUT_OF_RANGE", 1),
    13: ("INTERNAL", 1),
    14: ("UNAVAILABLE", 6),
    15: ("DATA_LOSS", 8),
    16: ("UNAUTHENTICATED", 7),
}

HEADER = """# Errors

Made from `proto/credence/v1/error_reason.proto` by `tests/tidy/errors_reference.py`; change it there.

Every error of the server is a gRPC status. Its details carry one `google.rpc.ErrorInfo`, whose
`domain` is `credence` and whose `reason` is one of the names below. Words of the message that vary
are also in its `metadata`. Wrong fields are named in a `google.rpc.BadRequest`, with their paths.
What stands in the way of a write is named in a `google.rpc.PreconditionFailure`. Where retrying
helps, a `google.rpc.RetryInfo` says when.

The reasons stand in order of precedence: where several apply, the first is given. A write that
fails writes nothing.

| reason | gRPC code | exit code of `credence` |
|---|---|---|
"""

VALUE = re.compile(
    r"((?:  //[^\n]*\n)+)  ERROR_REASON_(\w+) = (\d+)(?: \[\(grpc_code\) = (\d+)\])?;")


def reasons(proto):
    """Yields (name, code, text) in the order of the file, without the zero value."""
    for comment, name, number, code in VALUE.findall(proto):
        if number == "0":
            continue
        words = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
        yield name, int(code), words


def anchor(name):
    return name.lower()


def page(proto):
    rows, sections = [], []
    for name, number, text in reasons(proto):
        code, exit_code = CODES[number]
        rows.append(f"| [`{name}`](#{anchor(name)}) | {code} | {exit_code} |\n")
        sections.append(f"\n## {name}\n\n{code}. {text}\n")
    return HEADER + "".join(rows) + "".join(sections)


if __name__ == "__main__":
    made = page(PROTO.read_text(encoding="utf-8"))
    if len(sys.argv) > 1:
        pathlib.Path(sys.argv[1]).write_text(made, encoding="utf-8")
    else:
        sys.stdout.write(made)
