"""Witnesses by the program's commands: witness_test.py PROGRAM

A server asks real witnesses, which are killed at any moment; a restored ledger meets them again; both
verifiers check what they cosigned.
"""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

PROGRAM = None
SECONDS = 60
ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*args, **options):
    return subprocess.run([PROGRAM, *map(str, args)], text=True, capture_output=True, check=False,
                          timeout=120, **options)


class Program:
    """A command that serves, at a port that it keeps."""

    def __init__(self, folder, name, *args, http=False):
        self.folder, self.name, self.args, self.http = folder, name, list(map(str, args)), http
        self.listen = {"--listen": "127.0.0.1:0", **({"--http": "127.0.0.1:0"} if http else {})}
        self.process = None
        self.start()

    def start(self):
        files = {"--port-file": self.folder / f"{self.name}.port"}
        if self.http:
            files["--http-port-file"] = self.folder / f"{self.name}.http"
        for file in files.values():
            file.unlink(missing_ok=True)
        command = [PROGRAM, *self.args]
        for flag, value in {**self.listen, **files}.items():
            command += [flag, str(value)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + SECONDS
        while not all(f.exists() and f.read_text(encoding="utf-8").strip() for f in files.values()):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError(f"{self.name} did not start")
            time.sleep(0.02)
        ports = [f.read_text(encoding="utf-8").strip() for f in files.values()]
        self.listen = dict(zip(self.listen, (f"127.0.0.1:{port}" for port in ports)))
        self.address = self.listen["--listen"]
        self.url = "http://" + (self.listen["--http"] if self.http else self.address)

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(SECONDS)
        self.process = None


class WitnessTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        made = run("init", "--data", self.data, "--origin", "example.org/e2e")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.key = made.stdout.strip()
        self.witnesses, self.keys, lines = [], {}, ""
        for name in ("w1", "w2", "w3"):
            made = run("witness", "init", "--data", self.folder / name, "--name",
                       f"example.net/{name}")
            self.assertEqual(made.returncode, 0, made.stderr)
            witness = Program(self.folder, name, "witness", "serve", "--data", self.folder / name,
                              "--log", self.key)
            self.addCleanup(witness.stop)
            self.witnesses.append(witness)
            self.keys[name] = made.stdout.strip()
            lines += f"witness {name} {self.keys[name]} {witness.url}\n"
        self.policy = self.folder / "policy"
        self.policy.write_text(lines + "group two 2 w1 w2 w3\nquorum two\n", encoding="utf-8")
        self.server = None

    def serve(self, *more):
        self.server = Program(self.folder, "server", "serve", "--data", self.data,
                              "--witness-policy", self.policy, "--witness-seconds", "1", *more,
                              http=True)
        self.addCleanup(self.server.stop)

    def add_source(self, name):
        done = run("source", "create", name, "--endpoint", self.server.address)
        self.assertEqual(done.returncode, 0, done.stderr)

    def published(self):
        with urllib.request.urlopen(self.server.url + "/checkpoint", timeout=SECONDS) as answer:
            return answer.read().decode()

    def wait_for(self, size):
        """Until a quorum cosigned so many entries."""
        limit = time.monotonic() + SECONDS
        while True:
            note = self.published()
            if int(note.split("\n")[1]) >= size and note.count("\u2014 example.net/") >= 2:
                return note
            self.assertLess(time.monotonic(), limit, note)
            time.sleep(0.05)

    def verify(self, *args):
        return run("verify", *args, "--key", self.key)

    def test_cosigned_checkpoints_are_published_exported_and_verified(self):
        self.serve()
        for name in ("one", "two"):
            self.add_source(name)
        self.wait_for(3)
        for log in (self.server.url, self.server.address):
            done = self.verify(log, "--witness-policy", self.policy, "--output", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            report = json.loads(done.stdout)
            self.assertRegex(report["notAfter"], r"\A20\d\d-.*\Z")
        copy = self.folder / "copy"
        exported = run("export", copy, "--endpoint", self.server.address)
        self.assertEqual(exported.returncode, 0, exported.stderr)
        done = self.verify(copy, "--witness-policy", self.policy)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("cosigned by w1", done.stdout)
        self.assertIn("all existed at", done.stdout)
        second = subprocess.run(
            ["/usr/bin/python3", "-m", "credence.verify", copy, "--key", self.key,
             "--witness-policy", self.policy], text=True, capture_output=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")}, timeout=SECONDS)
        self.assertEqual(second.returncode, 0, second.stdout + second.stderr)
        self.assertIn("all existed at", second.stdout)
        # Without their lines the copy does not do.
        note = (copy / "checkpoint").read_text(encoding="utf-8")
        lines = [line for line in note.split("\n") if not line.startswith("\u2014 example.net/")]
        (copy / "checkpoint").write_text("\n".join(lines), encoding="utf-8")
        self.assertEqual(self.verify(copy, "--witness-policy", self.policy).returncode, 8)
        self.assertEqual(self.verify(copy).returncode, 0)

    def verify_both(self, copy, *args):
        """What both verifiers say of an export; they must agree on whether it is sound."""
        mine = self.verify(copy, "--no-state", *args)
        other = subprocess.run(
            ["/usr/bin/python3", "-m", "credence.verify", copy, "--key", self.key, *map(str, args)],
            text=True, capture_output=True, check=False, timeout=SECONDS,
            env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")})
        said = mine.stdout + mine.stderr + other.stdout + other.stderr
        self.assertEqual(mine.returncode == 0, other.returncode == 0, said)
        if mine.returncode == 0:
            self.assertIn("all existed at", mine.stdout)
            self.assertIn("all existed at", other.stdout)
        return mine.returncode, said

    def test_cosignatures_are_checked_from_files_alone(self):
        """Later on: server and witnesses are gone; the export and the witnesses' keys were kept."""
        self.serve()
        self.add_source("one")
        self.wait_for(2)
        copy = self.folder / "copy"
        exported = run("export", copy, "--endpoint", self.server.address)
        self.assertEqual(exported.returncode, 0, exported.stderr)
        for program in (self.server, *self.witnesses):
            program.stop()
        # Keys alone, no addresses.
        kept = self.folder / "kept-policy"
        kept.write_text("".join(f"witness {name} {key}\n" for name, key in self.keys.items()) +
                        "group two 2 w1 w2 w3\nquorum two\n", encoding="utf-8")
        self.assertEqual(self.verify_both(copy, "--witness-policy", kept)[0], 0)
        note = (copy / "checkpoint").read_text(encoding="utf-8")
        signed = [name for name in self.keys if f"\u2014 example.net/{name} " in note]
        self.assertGreaterEqual(len(signed), 2)
        asked = [word for name in signed for word in ("--witness", self.keys[name])]
        self.assertEqual(self.verify_both(copy, *asked)[0], 0)
        stranger = run("witness", "init", "--data", self.folder / "stranger", "--name",
                       "example.net/stranger").stdout.strip()
        more = (*asked, "--witness", stranger)
        self.assertEqual(self.verify_both(copy, *more, "--quorum", len(signed))[0], 0)
        code, said = self.verify_both(copy, *more)
        self.assertEqual(code, 8, said)
        # The same name with another key, and a cosignature of which one bit differs.
        code, said = self.verify_both(copy, "--witness", self.impostor(signed[0]))
        self.assertEqual(code, 8, said)
        line = f"\u2014 example.net/{signed[0]} "
        at = note.index(line) + len(line) + 40
        changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1:]
        (copy / "checkpoint").write_text(changed, encoding="utf-8")
        code, said = self.verify_both(copy, "--witness", self.keys[signed[0]])
        self.assertEqual(code, 8, said)

    def impostor(self, name):
        """The key of another witness that goes by that name."""
        made = run("witness", "init", "--data", self.folder / "impostor", "--name",
                   f"example.net/{name}")
        self.assertEqual(made.returncode, 0, made.stderr)
        return made.stdout.strip()

    def standing(self):
        """What /metrics says of each witness: size, up, failures."""
        with urllib.request.urlopen(self.server.url + "/metrics", timeout=SECONDS) as answer:
            page = answer.read().decode()
        standing = {}
        for name in self.keys:
            values = [re.findall(rf'^credence_witness_{what}\{{witness="{name}"\}} (\d+)$', page,
                                 re.MULTILINE) for what in ("size_events", "up", "failures_total")]
            self.assertEqual([len(value) for value in values], [1, 1, 1], page)
            standing[name] = tuple(int(value[0]) for value in values)
        return standing

    def wait_standing(self, holds):
        limit = time.monotonic() + SECONDS
        while not holds(standing := self.standing()):
            self.assertLess(time.monotonic(), limit, standing)
            time.sleep(0.05)
        return standing

    def test_metrics_tell_how_each_witness_stands(self):
        self.serve()
        self.add_source("one")
        standing = self.wait_standing(lambda now: all(w[:2] == (2, 1) for w in now.values()))
        failures = standing["w1"][2]
        self.witnesses[0].stop(signal.SIGKILL)
        self.add_source("two")
        standing = self.wait_standing(
            lambda now: now["w1"][1] == 0 and now["w2"][:2] == now["w3"][:2] == (3, 1))
        self.assertEqual(standing["w1"][0], 2, "what it cosigned last")
        self.assertGreater(standing["w1"][2], failures)
        self.witnesses[0].start()
        standing = self.wait_standing(lambda now: now["w1"][:2] == (3, 1))
        self.assertGreater(standing["w1"][2], failures, "a counter stays")

    def test_a_witness_that_is_killed_at_any_moment_never_goes_back(self):
        self.serve()
        source = random.Random()
        seen = 0
        for i in range(12):
            self.add_source(f"source-{i}")
            time.sleep(source.random() / 10)
            for witness in self.witnesses:
                witness.stop(signal.SIGKILL)
                witness.start()
            size = int(self.wait_for(1).split("\n")[1])
            self.assertGreaterEqual(size, seen)
            seen = size
        self.wait_for(13)
        # What each answers when it is asked from the beginning.
        with urllib.request.urlopen(self.server.url + "/checkpoint", timeout=SECONDS) as answer:
            note = answer.read()
        sizes = []
        for witness in self.witnesses:
            request = urllib.request.Request(witness.url + "/add-checkpoint",
                                             data=b"old 0\n\n" + note, method="POST")
            with self.assertRaises(urllib.error.HTTPError) as conflict:
                urllib.request.urlopen(request, timeout=SECONDS)
            self.assertEqual(conflict.exception.code, 409)
            self.assertEqual(conflict.exception.headers["Content-Type"], "text/x.tlog.size")
            sizes.append(int(conflict.exception.read()))
            conflict.exception.close()
        self.assertGreaterEqual(sorted(sizes)[1], 13)

    def test_a_restored_ledger_meets_its_witnesses(self):
        self.serve("--backup-dir", self.folder / "backups", "--backup-minutes", "500000")
        for name in ("one", "two"):
            self.add_source(name)
        backup = None
        limit = time.monotonic() + SECONDS
        # The one of the start may be under way.
        while backup is None or (backup.returncode == 5 and time.monotonic() < limit):
            backup = run("backup", "create", "--verify", "--endpoint", self.server.address)
        self.assertEqual(backup.returncode, 0, backup.stderr)
        self.wait_for(3)
        self.server.stop()
        for name, more, code in (("good", 0, 0), ("stale", 1, 8)):
            if more:
                self.serve()
                self.add_source("three")
                self.wait_for(4)
                self.server.stop()
            restored = self.folder / name
            done = run("backup", "restore", "--backup-dir", self.folder / "backups", "--data",
                       restored, "--key-file", self.data / "ledger.key")
            self.assertEqual(done.returncode, 0, done.stderr)
            refused = run("serve", "--data", restored, "--listen", "127.0.0.1:0")
            self.assertEqual(refused.returncode, 5, refused.stderr)
            self.assertIn("ledger anchor", refused.stderr)
            met = run("ledger", "anchor", "--data", restored, "--witness-policy", self.policy)
            self.assertEqual(met.returncode, code, met.stdout + met.stderr)
            self.assertEqual((restored / "ledger.anchor").exists(), code == 0)

    def test_mistakes_are_told(self):
        for args in (("witness", "serve", "--data", self.folder / "w1"),
                     ("witness", "serve", "--data", self.folder / "w1", "--log", "no key"),
                     ("verify", self.folder, "--key", self.key, "--quorum", "1"),
                     ("ledger", "anchor", "--data", self.data),
                     ("serve", "--data", self.data, "--witness-policy", self.folder / "none")):
            self.assertEqual(run(*args).returncode, 2, args)
        taken = run("witness", "serve", "--data", self.folder / "w1", "--log", self.key)
        self.assertEqual(taken.returncode, 5, taken.stderr)
        again = run("witness", "init", "--data", self.folder / "w1", "--name", "example.net/other")
        self.assertEqual(again.returncode, 5, again.stderr)
        key_file = self.folder / "w1" / "witness.key"
        self.assertEqual(key_file.stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
