"""A server of a test's own, run as people run it."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

START_SECONDS = 60
STOP_SECONDS = 60


def run(*command, check=True, **options):
    """Runs a command; its output, or an AssertionError that shows all of it."""
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True,
                          check=False, timeout=300, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Server:
    """`credence serve` on a ledger in a folder that goes with it."""

    def __init__(self, program, origin="example.org/test", ledger=None, more=()):
        """A new ledger, or a copy of the one in the directory `ledger`; files that the further flags
        name lie in the server's folder."""
        self.program, self.origin, self.more = str(program), origin, [*more]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-"))
        self.key = None
        if ledger is None:
            self.key = run(self.program, "init", "--data", self.folder / "data", "--origin",
                           origin).strip()
        else:
            shutil.copytree(ledger, self.folder / "data")
        self.port = self.http_port = "0"
        self.process = None
        self.start()

    def start(self):
        """On free ports at first, later on the same ones."""
        ports = [self.folder / "port", self.folder / "http-port"]
        for path in ports:
            path.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.folder / "data",
             "--listen", f"127.0.0.1:{self.port}", "--port-file", ports[0],
             "--http", f"127.0.0.1:{self.http_port}", "--http-port-file", ports[1], *self.more],
            cwd=self.folder, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + START_SECONDS
        while not all(path.exists() for path in ports):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError("the server did not start")
            time.sleep(0.02)
        self.port, self.http_port = (path.read_text(encoding="utf-8").strip() for path in ports)

    def stop(self, kill=False):
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(STOP_SECONDS)
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    @property
    def environment(self):
        # A busy machine may be slow; no test is about time.
        return {**os.environ, "CREDENCE_ENDPOINT": self.endpoint, "CREDENCE_TIMEOUT": "300s"}

    def cli(self, *arguments, **options):
        return run(self.program, *arguments, env=self.environment, **options)

    def get(self, path):
        """The body at a path over HTTP."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=60) as got:
            return got.read().decode("utf-8")
