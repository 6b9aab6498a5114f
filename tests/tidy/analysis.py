"""Clang's view of the code: format, static analysis, thread safety, headers that stand alone.

    analysis.py BUILD_DIRECTORY [PATH_PART]...

BUILD_DIRECTORY holds compile_commands.json. With parts of paths, only files that contain one are
looked at. What passed once is not looked at again until its preprocessed text, its command or the
rules change; the marks lie in BUILD_DIRECTORY/analysis.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

from tree import CODE, ROOT, Tree

CLANG = "clang++-14"
TIDY = "clang-tidy-14"
FORMAT = "clang-format-14"
RULES = ROOT / ".clang-tidy"

# What a command carries for its own output, and the precompiled headers of the other compiler: each
# source has to stand without them.
DROPPED = {"-c", "-o", "-MD", "-MT", "-MF", "-include", "-Winvalid-pch", "-fpch-preprocess"}
WITH_VALUE = {"-o", "-MT", "-MF", "-include"}
# Clang's -Wconversion takes in changes of sign; GCC's does not, and that is what is meant.
# GCC alone knows -Wrestrict.
ADDED = ["-Wthread-safety", "-Wno-sign-conversion", "-Wno-unused-command-line-argument",
         "-Wno-unknown-warning-option"]


def clang_flags(command):
    """The flags of one compile command as Clang takes them, without compiler, input and output."""
    words = shlex.split(command)
    compiler = next(at for at, word in enumerate(words) if word.endswith("++"))
    flags, skip = [], False
    for word in words[compiler + 1:]:
        if skip or word in DROPPED or word.endswith(".cc"):
            skip = not skip and word in WITH_VALUE
            continue
        flags.append(word)
    return flags + ADDED


def own_commands(build):
    """Path below the root: flags, for each of our own sources."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["file"]).resolve()
        if path.is_relative_to(ROOT) and not path.is_relative_to(build):
            commands[path.relative_to(ROOT).as_posix()] = clang_flags(entry["command"])
    return commands


def header_flags(header, commands):
    """The flags of the source that stands nearest: most parts of the path in common, then by name."""
    def common(path):
        return len(os.path.commonprefix([header.split("/"), path.split("/")]))
    nearest = max(sorted(commands), key=common)
    return commands[nearest] if common(nearest) > 0 else None


def run(command, **options):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def digest(source, flags):
    """Hash of everything that the findings depend on."""
    done = run([CLANG, "-E", "-w", *flags, source])
    parts = [done.stdout, done.stderr, " ".join(flags), RULES.read_text(encoding="utf-8")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def analyse_source(path, flags):
    return run([TIDY, "--quiet", path, "--", *flags])


def analyse_header(path, flags):
    """Compiles a file that includes nothing but the header."""
    with tempfile.NamedTemporaryFile("w", suffix=".cc", encoding="utf-8") as source:
        source.write(f'#include "{ROOT / path}"\n')
        source.flush()
        return run([CLANG, "-fsyntax-only", "-Werror", *flags, source.name])


def analyse(path, flags, marks):
    """The findings on one file as text; empty where it is clean."""
    key = digest(path, ["-x", "c++", *flags])
    mark = marks / f"{pathlib.Path(path).suffix[1:]}-{key}"
    if mark.exists():
        return ""
    done = (analyse_header if path.endswith(".h") else analyse_source)(path, flags)
    if done.returncode == 0:
        mark.touch()
        return ""
    return f"{path}:\n{done.stdout}{done.stderr}"


def check_format(paths):
    done = run([FORMAT, "--dry-run", "--Werror", *paths])
    return done.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    parts = sys.argv[2:]
    paths = [path for path, _ in Tree.read().code()
             if not parts or any(part in path for part in parts)]
    commands = own_commands(build)
    marks = build / "analysis"
    marks.mkdir(exist_ok=True)

    findings = [check_format(paths)] if paths else []
    work = {path: commands.get(path) or (path.endswith(".h") and header_flags(path, commands))
            for path in paths if path.endswith(CODE)}
    findings += [f"{path}: no build command compiles it\n" for path, flags in work.items()
                 if not flags]
    jobs = int(os.environ.get("JOBS", os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        findings += pool.map(lambda item: analyse(*item, marks),
                             [(path, flags) for path, flags in work.items() if flags])
    findings = [finding for finding in findings if finding]
    sys.stdout.write("\n".join(findings))
    print(f"{len(paths)} files of C++, {len(findings)} with findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
