"""Dependency arrows between the rooms, in the link lines and in the includes.

A header-only leak compiles, so the link lines alone would not show it.
"""

import re

# Room: the rooms that it may see. The program in server/src/main joins all of them.
ARROWS = {
    "base": set(),
    "proto": {"event"},
    "forecaster": {"base"},
    "scoring": {"base"},
    "etcd": {"base", "etcd_proto"},
    "ledger": {"base", "event"},
    "ledger/cluster": {"base", "event", "etcd", "ledger", "cluster_proto"},
    "clients/cpp": {"base", "event", "proto"},
    "clients/cli": {"base", "event", "proto", "clients/cpp"},
    "server": {"base", "event", "proto", "ledger", "forecaster", "scoring"},
    "server/src/main": {"base", "event", "proto", "ledger", "forecaster", "scoring", "server",
                        "clients/cpp", "clients/cli"},
}

# Library target: the room that makes it.
TARGETS = {
    "credence_base": "base",
    "credence_event_proto": "event",
    "credence_proto": "proto",
    "credence_forecaster": "forecaster",
    "credence_scoring": "scoring",
    "credence_etcd_proto": "etcd_proto",
    "credence_etcd": "etcd",
    "credence_ledger": "ledger",
    "credence_cluster_proto": "cluster_proto",
    "credence_ledger_cluster": "ledger/cluster",
    "credence_client": "clients/cpp",
    "credence_cli": "clients/cli",
    "credence_server": "server",
}

# Prefix of an include: the room that it belongs to.
PREFIXES = {
    "credence/base/": "base",
    "credence/event/": "event",
    "credence/v1/": "proto",
    "google/rpc/": "proto",
    "grpc/health/": "proto",
    "credence/forecaster/": "forecaster",
    "credence/scoring/": "scoring",
    "credence/ledger/": "ledger",
    "credence/etcd/": "etcd",
    "credence/cluster/": "cluster_proto",
    "etcd/etcdserver/": "etcd_proto",
    "etcd/mvcc/": "etcd_proto",
    "credence/client/": "clients/cpp",
    "credence/cli/": "clients/cli",
    "credence/server/": "server",
}

# Prefix of an include: the only rooms that may use the library behind it.
LIBRARIES = {
    "rocksdb/": {"ledger"},
    "boost/math/": {"forecaster", "scoring"},
    "grpc": {"etcd", "clients/cpp", "clients/cli", "server", "server/src/main"},
    "google/protobuf/": {"ledger", "clients/cpp", "clients/cli", "server", "server/src/main"},
    "CLI/": {"clients/cli", "server/src/main"},
    "yaml-cpp/": {"clients/cli", "server/src/main"},
}

# The rooms of pure functions read no clock, start no thread, and touch no file.
PURE = {"forecaster", "scoring"}
IMPURE = re.compile(r"<(chrono|condition_variable|filesystem|fstream|future|iostream|mutex|random|"
                    r"shared_mutex|thread|unistd\.h|sys/[a-z]+\.h)>|\"absl/(time/clock|synchronization)")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"][^>"]+[>"])', re.MULTILINE)
LINK = re.compile(r"target_link_libraries\(\s*(\w+)([^)]*)\)")


def room_of(path):
    """The innermost room that holds the path, or None."""
    holding = [room for room in ARROWS if path.startswith(room + "/")]
    return max(holding, key=len) if holding else None


def target_room(name):
    return TARGETS.get(name.replace("credence::", "credence_"))


def check_links(tree):
    for path, text in tree.select("CMakeLists.txt"):
        if path.startswith("tests/"):
            continue
        for target, names in LINK.findall(text):
            room = target_room(target)
            if room is None or room not in ARROWS:
                continue
            for name in names.split():
                other = target_room(name)
                if other is not None and other != room and other not in ARROWS[room]:
                    yield f"{path}: {target} must not link {name}"


def check_include(path, room, include):
    name = include[1:-1]
    for prefix, other in PREFIXES.items():
        if name.startswith(prefix) and other != room and other not in ARROWS[room]:
            yield f"{path}: {room} must not see {name}"
    for prefix, rooms in LIBRARIES.items():
        if name.startswith(prefix) and room not in rooms:
            yield f"{path}: {room} must not use {name}"
    if room in PURE and IMPURE.match(include):
        yield f"{path}: {room} is pure and must not use {name}"


def check_includes(tree):
    for path, text in tree.code():
        room = room_of(path)
        if room is None:
            continue
        for include in INCLUDE.findall(text):
            yield from check_include(path, room, include)


def check(tree):
    yield from check_links(tree)
    yield from check_includes(tree)
