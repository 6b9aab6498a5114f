"""The server under a service manager, and its log: service_test.py PROGRAM"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from served import run

WAIT_SECONDS = 60


class ServiceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="credence-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        run(PROGRAM, "init", "--data", self.folder / "data", "--origin", "example.org/test")

    def serve(self, *arguments, **environment):
        process = subprocess.Popen(
            [PROGRAM, "serve", "--data", self.folder / "data", "--listen", "127.0.0.1:0",
             "--http", "127.0.0.1:0", "--port-file", self.folder / "port", *arguments],
            env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def listen(self, name):
        """A socket as systemd has one, and what it is called in NOTIFY_SOCKET."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(WAIT_SECONDS)
        manager.bind(name.replace("@", "\0", 1))
        return manager

    def receive(self, manager):
        return dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())

    def check_states(self, name):
        manager = self.listen(name)
        process = self.serve(NOTIFY_SOCKET=name, WATCHDOG_USEC="200000")
        ready = self.receive(manager)
        self.assertEqual(ready["READY"], "1")
        self.assertIn("serving example.org/test", ready["STATUS"])
        # Ready means that it answers.
        port = (self.folder / "port").read_text(encoding="utf-8").strip()
        run(PROGRAM, "--endpoint", f"127.0.0.1:{port}", "ledger", "info")
        for _ in range(3):
            self.assertEqual(self.receive(manager), {"WATCHDOG": "1"})
        process.send_signal(signal.SIGHUP)
        states = []
        while "READY" not in states:
            states += self.receive(manager)
        self.assertIn("RELOADING", states)
        self.assertIn("MONOTONIC_USEC", states)
        process.terminate()
        while "STOPPING" not in states:
            states += self.receive(manager)
        self.assertEqual(process.wait(WAIT_SECONDS), 0)

    def test_a_manager_hears_of_each_state(self):
        self.check_states(str(self.folder / "notify"))

    def test_a_manager_may_listen_in_the_abstract_space(self):
        self.check_states(f"@credence-test-{os.getpid()}")

    def test_a_manager_that_does_not_watch_hears_no_heartbeat(self):
        manager = self.listen(str(self.folder / "notify"))
        process = self.serve(NOTIFY_SOCKET=str(self.folder / "notify"), WATCHDOG_USEC="200000",
                             WATCHDOG_PID="1")
        self.assertIn("READY", self.receive(manager))
        process.terminate()
        self.assertEqual(self.receive(manager), {"STOPPING": "1"})

    def test_each_line_of_the_log_is_an_object_and_a_call_has_its_request_id(self):
        process = self.serve("--log-format", "json", "--log-level", "debug")
        first = json.loads(process.stderr.readline())
        self.assertIn("serving example.org/test", first["message"])
        port = (self.folder / "port").read_text(encoding="utf-8").strip()
        request = "11111111-2222-4333-8444-555555555555"
        run(PROGRAM, "--endpoint", f"127.0.0.1:{port}", "--request-id", request, "source",
            "create", "informant-of-ours")
        process.terminate()
        rest = process.stderr.read()
        self.assertNotIn("informant-of-ours", rest)
        calls = [line for line in map(json.loads, rest.splitlines()) if "request_id" in line]
        made = [call for call in calls if call["method"].endswith("/CreateSource")]
        self.assertEqual([(call["request_id"], call["code"]) for call in made], [(request, "OK")])


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
