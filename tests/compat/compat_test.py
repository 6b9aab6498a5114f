"""Ledgers of every format that was released open, verify and go on: compat_test.py PROGRAM"""

import json
import pathlib
import shutil
import sys
import tarfile
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from served import Server, run  # noqa: E402


def missing(known, answer, path=""):
    """Where `answer` lacks or changes something of `known`; more is no fault."""
    if isinstance(known, dict) and isinstance(answer, dict):
        for name, value in known.items():
            yield from missing(value, answer.get(name), f"{path}.{name}")
    elif isinstance(known, list) and isinstance(answer, list) and len(known) == len(answer):
        for index, value in enumerate(known):
            yield from missing(value, answer[index], f"{path}[{index}]")
    elif known != answer:
        yield f"{path}: {known} became {answer}"


class CompatTest(unittest.TestCase):
    """The tests of one format; FORMAT is its name."""

    FORMAT = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        with tarfile.open(HERE / f"{self.FORMAT}.tar.xz") as archive:
            archive.extractall(self.folder)
        self.ledger = self.folder / "ledger"
        self.known = json.loads((HERE / f"{self.FORMAT}.json").read_text(encoding="utf-8"))
        self.size = int(self.known["head"]["treeHead"]["treeSize"])

    def serve(self):
        server = Server(PROGRAM, ledger=self.ledger)
        self.addCleanup(server.close)
        return server

    def test_it_is_sound(self):
        self.assertIn("sound", run(PROGRAM, "fsck", "--data", self.ledger))

    def test_everything_derived_is_derived_again(self):
        self.assertIn("\nverified\n", run(PROGRAM, "rebuild", "--check", "--data", self.ledger))

    def test_an_export_of_it_verifies_with_its_first_key(self):
        run(PROGRAM, "export", self.folder / "copy", "--data", self.ledger)
        run(PROGRAM, "verify", self.folder / "copy", "--key", self.known["key"], "--recompute")

    def test_it_answers_what_it_answered(self):
        server = self.serve()
        self.assertGreater(len(self.known["posteriors"]), 5)
        for question, known in self.known["posteriors"].items():
            with self.subTest(question):
                if known["count"] == 0:
                    continue
                history = json.loads(server.cli(
                    "posterior", "history", question, "--output", "json", "--limit", "0",
                    "--as-of", str(self.size - 1)))["posteriors"]
                self.assertEqual(len(history), known["count"])
                self.assertEqual(list(missing(known["last"], history[-1])), [])

    def test_it_goes_on_under_the_same_key(self):
        server = self.serve()
        server.cli("source", "create", "later")
        head = json.loads(server.cli("ledger", "head", "--output", "json"))["treeHead"]
        self.assertGreater(int(head["treeSize"]), self.size)
        server.cli("verify", server.endpoint, "--key", self.known["key"], "--no-state")

    def test_a_backup_of_it_is_restored(self):
        backups = self.folder / "backups"
        run(PROGRAM, "backup", "create", "--data", self.ledger, "--backup-dir", backups)
        run(PROGRAM, "backup", "verify", "--backup-dir", backups)
        run(PROGRAM, "backup", "restore", "--backup-dir", backups, "--data", self.folder / "again")
        # What is in no backup: the key, and the checkpoint that the copy is held against.
        for name in ("ledger.key", "ledger.anchor"):
            shutil.copy(self.ledger / name, self.folder / "again")
        self.assertIn("sound", run(PROGRAM, "fsck", "--data", self.folder / "again"))


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    formats = sorted(path.name.removesuffix(".tar.xz") for path in HERE.glob("*.tar.xz"))
    if not formats:
        raise AssertionError("there is no ledger to open")
    for name in formats:
        case = type(name.replace("-", "_"), (CompatTest,), {"FORMAT": name})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
