#!/usr/bin/env python3
"""Writes the generated part of the package `credence`: generate.py FOLDER [--copy]

Below FOLDER/credence come the messages with their types (protoc), the packages `credence.v1` and
`credence.event.v1` that name all of them, the methods of the clients from the services, and the
exceptions from the reasons of errors. With --copy the written modules come there too, so that FOLDER
can be put on the path.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Iterator

from google.protobuf import descriptor_pb2

HERE = pathlib.Path(__file__).resolve().parent
PROTOS = HERE.parents[1] / "proto"
PACKAGES = ("credence/event/v1", "credence/v1")
NO_SIDE_EFFECTS = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
IDEMPOTENT = descriptor_pb2.MethodOptions.IDEMPOTENT
REPEATED = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
GRPC_CODE = 51701
# The exceptions of the codes of gRPC, from 1 on.
CODES = ("CancelledError", "UnknownError", "InvalidArgumentError", "DeadlineExceededError",
         "NotFoundError", "AlreadyExistsError", "PermissionDeniedError", "ResourceExhaustedError",
         "FailedPreconditionError", "AbortedError", "OutOfRangeError", "UnimplementedError",
         "InternalError", "UnavailableError", "DataLossError", "UnauthenticatedError")

HEADER = '"""{}\n\nGenerated from the protos by generate.py.\n"""\n\n'


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def protoc(*arguments: str) -> None:
    subprocess.run(["protoc", "-I", str(PROTOS), *arguments], check=True, cwd=PROTOS)


def files_of(*packages: str) -> list[str]:
    return sorted(str(path.relative_to(PROTOS))
                  for package in packages for path in (PROTOS / package).glob("*.proto"))


def read_descriptors(folder: pathlib.Path) -> list[descriptor_pb2.FileDescriptorProto]:
    path = folder / "all.binpb"
    protoc("--include_source_info", f"--descriptor_set_out={path}", *files_of(*PACKAGES))
    return list(descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file)


def comments_of(file: descriptor_pb2.FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """The comment before each element, by its path."""
    return {tuple(place.path): re.sub(r"\s+", " ", place.leading_comments).strip()
            for place in file.source_code_info.location if place.leading_comments}


def write_package(folder: pathlib.Path, package: str,
                  files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    """`__init__.py` of a package: every message and enum of its files."""
    dotted = package.replace("/", ".")
    lines = [HEADER.format(f"All messages and enums of {dotted}.")]
    for file in files:
        if file.package != dotted:
            continue
        module = file.name.removesuffix(".proto").replace("/", ".") + "_pb2"
        names = [m.name for m in file.message_type]
        for enum in file.enum_type:
            names += [enum.name, *(value.name for value in enum.value)]
        lines += [f"from {module} import {name} as {name}\n" for name in names]
    (folder / package / "__init__.py").write_text("".join(lines), encoding="utf-8")


class Methods:
    """The methods of the services, as members of the clients."""

    def __init__(self, files: list[descriptor_pb2.FileDescriptorProto]) -> None:
        self.files = files
        self.messages = {f".{file.package}.{m.name}": m for file in files for m in file.message_type}

    def each(self) -> Iterator[tuple[str, descriptor_pb2.MethodDescriptorProto, str]]:
        """(path, method, comment) of all."""
        for file in self.files:
            comments = comments_of(file)
            for s, service in enumerate(file.service):
                for m, method in enumerate(service.method):
                    yield (f"/{file.package}.{service.name}/{method.name}", method,
                           comments.get((6, s, 2, m), ""))

    def item_of(self, response: str) -> tuple[str, str]:
        """(field, type) of what a list or a watch gives: the answer's first repeated message, or first message."""
        fields = [f for f in self.messages[response].field if f.type == MESSAGE]
        fields.sort(key=lambda field: field.label != REPEATED)
        return fields[0].name, self.python_type(fields[0].type_name)

    def python_type(self, name: str) -> str:
        if name.startswith(".credence.v1."):
            return "v1." + name.rsplit(".", 1)[1]
        assert name.startswith(".credence.event.v1."), name
        return "event." + name.rsplit(".", 1)[1]

    def has(self, message: str, *fields: str) -> bool:
        names = {field.name for field in self.messages[message].field}
        return names.issuperset(fields)

    def write(self, path: pathlib.Path, asynchronous: bool) -> None:
        """What the methods call stands in _caller.py and _async_caller.py."""
        base = "AsyncCaller" if asynchronous else "Caller"
        lines = [HEADER.format("The methods of the clients, one for each rpc."),
                 "from __future__ import annotations\n\n",
                 "from collections.abc import AsyncIterator, Iterator\n",
                 "from typing import Optional\n\n",
                 "from credence import v1\nfrom credence._core import Method\n",
                 f"from credence._{'async_' if asynchronous else ''}caller import "
                 f"{'AsyncWatch as Watch' if asynchronous else 'Watch'}, {base}\n",
                 "from credence.event import v1 as event\n\n\n",
                 f"class {'Async' if asynchronous else ''}Methods({base}):\n",
                 '    """One method for each rpc of credence.v1."""\n']
        for rpc, method, comment in self.each():
            lines += self.method(rpc, method, comment, asynchronous)
        path.write_text("".join(lines), encoding="utf-8")

    def method(self, rpc: str, method: descriptor_pb2.MethodDescriptorProto, comment: str,
               asynchronous: bool) -> list[str]:
        name, request = snake(method.name), self.python_type(method.input_type)
        response = self.python_type(method.output_type)
        level = method.options.idempotency_level
        handle = f"_{name.upper()}"
        lines = ["\n", f'    {handle} = Method("{rpc}", {request}, {response}, '
                 f"{level in (NO_SIDE_EFFECTS, IDEMPOTENT)})\n\n"]
        word, wait = ("async def", "await ") if asynchronous else ("def", "")
        doc = f'        """{comment}"""\n'
        if not method.server_streaming:
            lines += [f"    {word} {name}(self, request: {request}, *,\n"
                      f"            timeout: Optional[float] = None) -> {response}:\n", doc,
                      f"        return {wait}self._call(self.{handle}, request, timeout)\n"]
            if self.has(method.input_type, "page") and self.has(method.output_type,
                                                                "next_page_token"):
                lines += self.pages(name, handle, request, method.output_type, asynchronous)
        elif self.has(method.input_type, "start_position") and self.has(method.output_type,
                                                                        "next_position"):
            field, item = self.item_of(method.output_type)
            lines += [f"    def {name}(self, request: {request}) -> Watch[{item}]:\n", doc,
                      f'        return self._watch(self.{handle}, request, "{field}")\n']
        else:
            stream = "AsyncIterator" if asynchronous else "Iterator"
            lines += [f"    def {name}(self, request: {request}, *,\n"
                      f"            timeout: Optional[float] = None) -> {stream}[{response}]:\n",
                      doc, f"        return self._stream(self.{handle}, request, timeout)\n"]
        return lines

    def pages(self, name: str, handle: str, request: str, response: str,
              asynchronous: bool) -> list[str]:
        field, item = self.item_of(response)
        iterator = "AsyncIterator" if asynchronous else "Iterator"
        return [f"\n    def {name.replace('list_', 'iterate_', 1)}(self, request: {request}, *,\n"
                f"            timeout: Optional[float] = None) -> {iterator}[{item}]:\n",
                f'        """All items of {name}, page by page, as of one position."""\n',
                f'        return self._pages(self.{handle}, request, "{field}", timeout)\n']


def grpc_code_of(value: descriptor_pb2.EnumValueDescriptorProto) -> int:
    """The option credence.v1.grpc_code, which is unknown to the descriptor's own schema."""
    data = value.options.SerializeToString()
    tag = bytes([(GRPC_CODE << 3) & 0x7F | 0x80, (GRPC_CODE << 3 >> 7) & 0x7F | 0x80,
                 GRPC_CODE << 3 >> 14])
    return data[data.index(tag) + len(tag)]


def write_errors(path: pathlib.Path, files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    """An exception for each reason, below that of its code."""
    file = next(f for f in files if f.name == "credence/v1/error_reason.proto")
    comments = comments_of(file)
    lines = [HEADER.format("Exceptions: one for each code, and below it one for each reason."),
             *(f"from credence._error import {name} as {name}\n"
               for name in ("CredenceError", "VerificationError", *CODES)),
             "from credence._error import BY_REASON as _BY_REASON\n\n"]
    table = []
    for number, value in enumerate(file.enum_type[0].value):
        if value.number == 0:
            continue
        reason = value.name.removeprefix("ERROR_REASON_")
        name, code = camel(reason), grpc_code_of(value)
        lines += [f"\nclass {name}({CODES[code - 1]}):\n",
                  f'    """{comments.get((5, 0, 2, number), "")}"""\n\n']
        table.append(f'    "{reason}": {name},\n')
    lines += ["\n_BY_REASON.update({\n", *table, "})\n"]
    path.write_text("".join(lines), encoding="utf-8")


def generate(out: pathlib.Path) -> None:
    out = out.resolve()
    folder = out / "credence"
    folder.mkdir(parents=True, exist_ok=True)
    protoc(f"--python_out={out}", f"--pyi_out={out}", *files_of(*PACKAGES))
    # In a pool of its own, so that it stands beside any other copy of google.rpc.
    protoc("--include_imports", f"--descriptor_set_out={folder / 'rpc_details.binpb'}",
           *files_of("google/rpc"))
    with tempfile.TemporaryDirectory() as scratch:
        files = read_descriptors(pathlib.Path(scratch))
    for package in PACKAGES:
        write_package(out, package, files)
    (folder / "event/__init__.py").write_text('"""The payloads of events."""\n', encoding="utf-8")
    methods = Methods(files)
    methods.write(folder / "_methods.py", asynchronous=False)
    methods.write(folder / "_async_methods.py", asynchronous=True)
    write_errors(folder / "errors.py", files)


def main() -> None:
    out = pathlib.Path(sys.argv[1])
    shutil.rmtree(out / "credence", ignore_errors=True)
    if "--copy" in sys.argv[2:]:
        shutil.copytree(HERE / "src/credence", out / "credence",
                        ignore=shutil.ignore_patterns("__pycache__"))
    generate(out)


if __name__ == "__main__":
    main()
