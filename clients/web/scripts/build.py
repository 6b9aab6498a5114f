"""Builds the web page and writes it as a C++ source file, for server/src/http/web_assets.h.

Works in a folder of its own, so that the sources stay as they are. Where npm is not there or fails,
`--web ON` is an error; `AUTO` says so and writes an empty table.
"""

import argparse
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
COPIED = ["index.html", "vite.config.ts", "tsconfig.json", "package.json", "package-lock.json"]
NODE_MIN = (18, 14)
NPM_SECONDS = 300


class NoPage(Exception):
    """Why there is no page."""


def run(command, folder, environment=None):
    try:
        done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=NPM_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoPage(f"`{' '.join(command)}` did not end within {NPM_SECONDS} s") from None
    if done.returncode != 0:
        raise NoPage(f"`{' '.join(command)}` failed:\n{done.stdout[-3000:]}")


def check_tools(npm):
    if not os.access(npm, os.X_OK):
        raise NoPage("npm is not there")
    if shutil.which("node") is None:
        raise NoPage("node is not there")
    text = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in text.strip().lstrip("v").split(".")[:2])
    if version < NODE_MIN:
        raise NoPage(f"node {text.strip()} is too old; {NODE_MIN[0]}.{NODE_MIN[1]} is needed")


def copy_sources(source, work):
    for name in ("src", "public", "scripts"):
        shutil.rmtree(work / name, ignore_errors=True)
        shutil.copytree(source / name, work / name, ignore=shutil.ignore_patterns("gen"))
    for name in COPIED:
        shutil.copyfile(source / name, work / name)


def install(npm, work):
    """Fetches the packages of the lock file, unless they are there already."""
    wanted = hashlib.sha256((work / "package-lock.json").read_bytes()).hexdigest()
    stamp = work / "node_modules/.credence-lock"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    run([npm, "ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], work)
    stamp.write_text(wanted)


def build(npm, source, protos, work):
    check_tools(npm)
    copy_sources(source, work)
    install(npm, work)
    environment = dict(os.environ, PROTO_DIR=str(protos))
    run([npm, "run", "--silent", "build"], work, environment)
    return work / "dist"


def assets(dist):
    """Yields (path, type, gzipped, bytes) of the files, by path."""
    for file in sorted(dist.rglob("*"), key=lambda file: "/" + file.relative_to(dist).as_posix()):
        if not file.is_file():
            continue
        content = file.read_bytes()
        packed = gzip.compress(content, 9, mtime=0)
        gzipped = len(packed) < len(content)
        yield ("/" + file.relative_to(dist).as_posix(),
               TYPES.get(file.suffix, "application/octet-stream"), gzipped,
               packed if gzipped else content)


def write_table(found, table):
    blob = table.with_suffix(".bin")
    blob.write_bytes(b"".join(content for _, _, _, content in found))
    rows, offset = [], 0
    for path, kind, gzipped, content in found:
        tag = hashlib.sha256(content).hexdigest()[:16]
        rows.append(f"    {{{json.dumps(path)}, {json.dumps(kind)}, {str(gzipped).lower()},\n"
                    f"     {{credence_web_blob + {offset}, {len(content)}}}, "
                    f"\"\\\"{tag}\\\"\"}},\n")
        offset += len(content)
    table.write_text(f"""// Made by clients/web/scripts/build.py.
#include "http/web_assets.h"

asm(R"(
  .section .rodata
  .global credence_web_blob
  .hidden credence_web_blob
credence_web_blob:
  .incbin "{blob}"
  .byte 0
  .previous
)");
extern "C" const char credence_web_blob[];

namespace credence::server {{

std::span<const WebAsset> EmbeddedWebAssets() {{
  static const WebAsset kAssets[] = {{
{''.join(rows)}  }};
  return kAssets;
}}

}}  // namespace credence::server
""")


def write_empty(table):
    table.write_text("""// Made by clients/web/scripts/build.py.
#include "http/web_assets.h"

namespace credence::server {

std::span<const WebAsset> EmbeddedWebAssets() { return {}; }

}  // namespace credence::server
""")


def main():
    parser = argparse.ArgumentParser(description="Build the web page into a C++ source file.")
    parser.add_argument("--web", choices=["AUTO", "ON", "OFF"], default="AUTO")
    for name in ("source", "protos", "work", "table"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--npm", required=True, help="the program npm")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    missing = arguments.work / "no-page"
    missing.unlink(missing_ok=True)
    try:
        if arguments.web == "OFF":
            raise NoPage("CREDENCE_WEB is OFF")
        dist = build(arguments.npm, arguments.source, arguments.protos.resolve(), arguments.work)
        write_table(list(assets(dist)), arguments.table)
    except NoPage as reason:
        print(f"the web page is not built: {reason}", file=sys.stderr)
        if arguments.web == "ON":
            return 1
        print("the program will serve the API without it", file=sys.stderr)
        write_empty(arguments.table)
        missing.write_text(str(reason))
    return 0


if __name__ == "__main__":
    sys.exit(main())
