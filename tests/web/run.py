"""Runs one suite of the page's tests against the program: run.py --program P --work BUILD/web --suite S

The suite `types` checks the page's sources with the TypeScript compiler; others are files of
node:test beside this one, run with a server of their own on the case of examples/afghanistan-2021, but
for `newcomer_test.mjs`, which starts what the README says.
Exit code 77 where something that the suite needs is not there.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SKIPPED = 77
START_SECONDS = 60
IN_CHROMIUM = ("page_test.mjs", "forms_test.mjs", "newcomer_test.mjs")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def needed(arguments):
    """Skips where the suite cannot run."""
    if not os.access(arguments.node, os.X_OK):
        skip("node is not there")
    missing = arguments.work / "no-page"
    if missing.exists():
        skip(f"this build has no page: {missing.read_text().splitlines()[0]}")
    if not (arguments.work / "node_modules").is_dir():
        skip("the page's packages are not there")
    if arguments.suite in IN_CHROMIUM and not os.access(arguments.chromium, os.X_OK):
        skip("chromium is not there")


def prepare(arguments):
    """Puts the suites beside the packages that they use, with the API as JavaScript."""
    folder = arguments.work / "test"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in HERE.glob("*.mjs"):
        shutil.copyfile(file, folder / file.name)
    environment = dict(os.environ, PROTO_DIR=str(ROOT / "proto"), ES_TARGET="js",
                       ES_OUT=str(folder / "gen"))
    subprocess.run([arguments.node, arguments.work / "scripts/generate.mjs"], env=environment,
                   check=True)
    return folder


def start(program, folder):
    """Starts a server on a new ledger; returns its process and its two addresses."""
    data = folder / "ledger"
    subprocess.run([program, "init", "--data", data, "--origin", "test.example/page"], check=True,
                   stdout=subprocess.DEVNULL)
    ports = [folder / "port", folder / "http-port"]
    server = subprocess.Popen(
        [program, "serve", "--data", data, "--listen", "127.0.0.1:0", "--port-file", ports[0],
         "--http-port-file", ports[1]], stderr=subprocess.DEVNULL)
    limit = time.monotonic() + START_SECONDS
    while not all(port.exists() and port.read_text().strip() for port in ports):
        if server.poll() is not None or time.monotonic() > limit:
            server.kill()
            raise SystemExit("the server did not start")
        time.sleep(0.05)
    return server, [f"127.0.0.1:{port.read_text().strip()}" for port in ports]


def load_case(program, endpoint):
    """The case up to its last forecast: how it ended is left to the tests."""
    for file in sorted((ROOT / "examples/afghanistan-2021").glob("[0-4]*.yaml")):
        subprocess.run([program, "apply", "-f", file, "--endpoint", endpoint], check=True,
                       stdout=subprocess.DEVNULL)


def run_node(arguments, folder, more):
    environment = dict(os.environ, CREDENCE_PROGRAM=str(arguments.program), CREDENCE_ROOT=str(ROOT),
                       CHROMIUM=arguments.chromium, SHOTS=os.environ.get("SHOTS", ""), **more)
    return subprocess.run([arguments.node, "--test", folder / arguments.suite], env=environment,
                          check=False).returncode


def run_suite(arguments):
    folder = prepare(arguments)
    if arguments.suite == "newcomer_test.mjs":
        return run_node(arguments, folder, {})
    with tempfile.TemporaryDirectory() as name:
        server, (endpoint, http) = start(arguments.program, pathlib.Path(name))
        try:
            load_case(arguments.program, endpoint)
            return run_node(arguments, folder, {
                "CREDENCE_URL": f"http://{http}", "CREDENCE_ENDPOINT": endpoint,
                "CASE_COUNT": str(ROOT / "examples/case-count/cases.yaml")})
        finally:
            server.terminate()
            server.wait(60)


def main():
    parser = argparse.ArgumentParser(description="Run a suite of the page's tests.")
    for name in ("program", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    for name in ("suite", "node", "chromium"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    needed(arguments)
    if arguments.suite == "types":
        return subprocess.run([arguments.node, "node_modules/typescript/bin/tsc", "--noEmit"],
                              cwd=arguments.work, check=False).returncode
    return run_suite(arguments)


if __name__ == "__main__":
    sys.exit(main())
