"""The commands of a document, run as they stand: readme_test.py PROGRAM DOCUMENT COUNT

Blocks marked `sh` are run in order; one marked `sh server` is started in the background on a free
port; one marked `output` is compared with what the block before it printed, where `...` stands for
any lines and, at the end of a line, for the rest of it. COUNT is the least number of blocks. The
ports that the text names stand for those of the server.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(sh|sh server|output)\n(.*?)^```", re.MULTILINE | re.DOTALL)
START_SECONDS = 30


def start_server(command, folder, environment):
    """Starts the server of a block on a free port; returns its process once it listens."""
    is_witness = " witness serve " in command
    port_file = folder / ("witness-port" if is_witness else "port")
    http_port_file = folder / "http-port"
    more = "" if is_witness else f" --http-port-file {http_port_file}"
    server = subprocess.Popen(
        f"exec {command.strip()} --listen 127.0.0.1:0 --port-file {port_file}{more}", shell=True,
        cwd=folder, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + START_SECONDS
    while not (port_file.exists() and port_file.read_text().strip()):
        if server.poll() is not None or time.monotonic() > limit:
            server.kill()
            raise SystemExit("the server did not start")
        time.sleep(0.05)
    if is_witness:
        environment["WITNESS"] = "127.0.0.1:" + port_file.read_text().strip()
        return server
    environment["CREDENCE_ENDPOINT"] = "127.0.0.1:" + port_file.read_text().strip()
    environment["HTTP"] = "127.0.0.1:" + http_port_file.read_text().strip()
    return server


def matches(expected, printed):
    pattern = ""
    for line in expected.splitlines():
        if line == "...":
            pattern += r"(?:.*\n)*?"
        elif line.endswith("..."):
            pattern += re.escape(line[:-3]) + r".*\n"
        else:
            pattern += re.escape(line) + r"\n"
    return re.fullmatch(pattern, printed if printed.endswith("\n") else printed + "\n") is not None


def run_blocks(text, folder, servers):
    """Yields what went wrong, and stops at the first."""
    environment = dict(os.environ)
    printed = ""
    for kind, block in FENCE.findall(text):
        if kind == "sh server":
            servers.append(start_server(block, folder, environment))
        elif kind == "output":
            if not matches(block, printed):
                yield f"expected:\n{block}\nprinted:\n{printed}"
                return
        else:
            for port, name in (("127.0.0.1:7701", "HTTP"), ("127.0.0.1:7710", "WITNESS")):
                block = block.replace(port, environment.get(name, port))
            done = subprocess.run(["bash", "-euc", block], cwd=folder, env=environment, text=True,
                                  capture_output=True, check=False, timeout=120)
            printed = done.stdout
            if done.returncode != 0 or not printed:
                yield f"{block}exit code {done.returncode}\n{done.stdout}{done.stderr}"
                return


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    document = sys.argv[2]
    text = (ROOT / document).read_text(encoding="utf-8")
    if len(FENCE.findall(text)) < int(sys.argv[3]):
        raise SystemExit(f"{document} has fewer commands than this test was written for")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "build/release/bin").mkdir(parents=True)
        (folder / "build/release/bin/credence").symlink_to(program)
        (folder / "examples").symlink_to(ROOT / "examples")
        (folder / "clients").symlink_to(ROOT / "clients")
        servers = []
        try:
            failures = list(run_blocks(text, folder, servers))
        finally:
            for server in servers:
                server.terminate()
                server.wait(60)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
