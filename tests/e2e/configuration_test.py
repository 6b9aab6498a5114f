"""A server configured by a file, and reloaded: configuration_test.py PROGRAM"""

import os
import pathlib
import signal
import subprocess
import sys
import unittest

from served import Server


class ConfigurationTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.addCleanup(self.server.close)
        self.server.stop()
        self.file = self.server.folder / "credence.yaml"

    def write(self, **options):
        lines = {"data": self.server.folder / "data", "listen": "127.0.0.1:0",
                 "http": "127.0.0.1:0", "backup-dir": self.server.folder / "backups"}
        lines.update({name.replace("_", "-"): value for name, value in options.items()})
        self.file.write_text("".join(f"{name}: {value}\n" for name, value in lines.items()),
                             encoding="utf-8")

    def serve(self):
        process = subprocess.Popen([PROGRAM, "serve", "--config", self.file], text=True,
                                   stderr=subprocess.PIPE, env=dict(os.environ))
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def read_until(self, process, part):
        for line in process.stderr:
            if part in line:
                return line
        raise AssertionError(f"the server ended without '{part}'")

    def test_a_hangup_reloads_what_can_be_and_names_the_rest(self):
        self.write(backup_minutes=60)
        process = self.serve()
        self.read_until(process, "serving")
        self.write(backup_minutes=30, drain_seconds=3, witness_policy="other")
        process.send_signal(signal.SIGHUP)
        line = self.read_until(process, "reloaded: ")
        self.assertIn("backup-minutes = 30", line)
        self.assertIn("drain-seconds = 3", line)
        self.assertIn("needs a restart: witness-policy", self.read_until(process, "needs"))
        self.write(backup_minuts=30)
        process.send_signal(signal.SIGHUP)
        self.assertIn("did you mean 'backup-minutes'?", self.read_until(process, "nothing reloaded"))
        process.terminate()
        self.read_until(process, "stopped at")
        self.assertEqual(process.wait(60), 0)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
