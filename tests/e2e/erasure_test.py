"""Texts that are erased leave a real server's ledger for good: erasure_test.py PROGRAM

What was said is looked for, letter by letter, in every file: tables, logs of writes, backups,
exports. What must stay is verified by both verifiers, by `fsck` and by `rebuild --check`.
"""

import json
import pathlib
import subprocess
import sys
import unittest
import urllib.request

from served import Server, run

PROGRAM = None
# Do not compress, so that they stand in the files letter by letter.
SUMMARY = "Vq8-xT2z_Lk5!pWr7#MnB3@yHd9$FjG1"
RATIONALE = "Zc4-kR9w_Hs6!tQv1#JpN8@bXf2$LmD5"
NAME = "Gt3-mW7y_Pd1!zKx5#QvS9@hRc8$BnF2"
KEPT = "Hb5-nJ1q_Tz8!wGx3#YkC6@sMv4$PdL7"
TEXTS = (SUMMARY, RATIONALE, NAME)


def files_with(folder, text):
    return [path.name for path in pathlib.Path(folder).rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()]


class ErasureTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        cls.addClassCleanup(cls.server.close)
        cls.data, cls.folder = cls.server.folder / "data", cls.server.folder
        cli = cls.server.cli
        cli("question", "create", "q", "--title", "Does it hold?", "--criteria", "It does.",
            "--close-time", "2036-01-01T00:00:00Z", "--states", "yes", "no", "--prior", "0.5")
        cli("forecaster", "create", "analyst-1", "--name", NAME, "--description", KEPT)
        cli("evidence", "add", "q", "--node", "q", "--id", "first", "--likelihood-ratio", "3", "--summary", SUMMARY)
        cli("evidence", "add", "q", "--node", "q", "--id", "second", "--likelihood-ratio", "2", "--summary", KEPT)
        cli("forecast", "add", "q", "0.7", "--forecaster", "analyst-1", "--rationale", RATIONALE)

    def json(self, *arguments):
        return json.loads(self.server.cli(*arguments, "--output", "json"))

    def test_1_is_found_before(self):
        self.server.stop()
        run(PROGRAM, "backup", "create", "--data", self.data, "--backup-dir", self.folder / "backups")
        self.server.start()
        self.server.cli("export", self.folder / "export")
        for text in (*TEXTS, KEPT):
            self.assertTrue(files_with(self.data, text), text)
            self.assertTrue(files_with(self.folder / "backups", text), text)
            self.assertTrue(files_with(self.folder / "export" / "text", text), text)
            self.assertFalse(files_with(self.folder / "export" / "tile", text), text)

    def test_2_is_erased(self):
        before = self.json("posterior", "get", "q")
        shown = self.json("erase", "networks/q/evidence/first", "--rationale", "asked for", "--dry-run")
        self.assertEqual(shown["texts"][0]["fields"], ["model.summary"])
        done = self.json("--actor", "operators/erasure", "erase", "networks/q/evidence/first",
                         "forecasters/analyst-1/forecasts", "--rationale", "asked for")
        self.assertEqual(len(done["texts"]), 2)
        self.server.cli("erase", "forecasters/analyst-1", "--field", "display_name", "--rationale",
                        "asked for")
        for text in TEXTS:
            self.assertEqual(files_with(self.data, text), [])
        self.assertTrue(files_with(self.data, KEPT))
        after = self.json("posterior", "get", "q")
        self.assertEqual(before["posterior"]["states"], after["posterior"]["states"])

    def test_3_reads_as_erased_now_and_as_of_before(self):
        item = self.json("evidence", "list", "--network", "q")["evidence"]
        self.assertEqual([e["model"]["summary"] for e in item], ["[erased]", KEPT])
        past = self.json("evidence", "list", "--network", "q", "--as-of",
                         str(int(item[1]["position"])))["evidence"]
        self.assertEqual(past[0]["model"]["summary"], "[erased]")
        forecasts = self.json("forecast", "list", "q")["forecasts"]
        self.assertEqual(forecasts[0]["rationale"], "[erased]")
        event = self.json("ledger", "events", "--stream", "forecasters/analyst-1")["events"][0]
        self.assertIn("erasedPosition", event["texts"][0])
        self.assertEqual(event["texts"][1]["text"], KEPT)
        erased = [e["envelope"] for e in self.json("ledger", "events", "--stream", "ledger")["events"]
                  if e["envelope"]["payload"]["@type"].endswith("TextsErased")]
        self.assertEqual(erased[0]["actor"], "operators/erasure")
        self.assertEqual(erased[0]["payload"]["rationale"], "asked for")

    def test_4_mistakes_are_named(self):
        def refused(*arguments):
            done = subprocess.run([PROGRAM, *arguments], text=True, capture_output=True, check=False,
                                  env=self.server.environment, timeout=300)
            self.assertNotEqual(done.returncode, 0, done.stdout)
            return done.stderr
        self.assertIn("no text that can be erased", refused("erase", "0", "--rationale", "x"))
        self.assertIn("no such event", refused("erase", "99999", "--rationale", "x"))
        self.assertIn("neither a position", refused("erase", "analyst-1", "--rationale", "x"))
        self.assertIn("erased before",
                      refused("erase", "networks/q/evidence/first", "--rationale", "x"))
        self.assertIn("gone reads as", refused(
            "evidence", "add", "q", "--node", "q", "--likelihood-ratio", "2", "--summary", "[erased]"))

    def test_5_everything_goes_on_verifying(self):
        self.server.cli("export", self.folder / "export")
        for text in TEXTS:
            self.assertEqual(files_with(self.folder / "export", text), [])
        report = json.loads(run(PROGRAM, "verify", self.folder / "export", "--key", self.server.key,
                                "--recompute", "--no-state", "--output", "json"))
        erased, shown = int(report["erasedTextCount"]), int(report["shownTextCount"])
        self.assertEqual((erased, int(report["hiddenTextCount"])), (3, 0))
        second = json.loads(run("/usr/bin/python3", "-m", "credence.verify", self.folder / "export",
                                "--key", self.server.key, "--output", "json"))
        self.assertEqual((second["textsErased"], second["texts"]),
                         (erased, shown))
        url = f"http://127.0.0.1:{self.server.http_port}"
        run(PROGRAM, "verify", url, "--key", self.server.key, "--no-state")
        with urllib.request.urlopen(url + "/text/000", timeout=60) as answer:
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.server.stop()
        run(PROGRAM, "fsck", "--data", self.data)
        self.assertIn("verified", run(PROGRAM, "rebuild", "--check", "--data", self.data))
        self.server.start()
        for text in TEXTS:
            self.assertEqual(files_with(self.data, text), [])

    def test_6_backups_from_before_are_deleted(self):
        self.server.stop()
        backups = self.folder / "backups"
        run(PROGRAM, "backup", "create", "--data", self.data, "--backup-dir", backups)
        self.assertTrue(files_with(backups, SUMMARY))
        run(PROGRAM, "backup", "prune", "--backup-dir", backups, "--keep", "1")
        for text in TEXTS:
            self.assertEqual(files_with(backups, text), [])
        self.assertTrue(files_with(backups, KEPT))
        run(PROGRAM, "backup", "verify", "--backup-dir", backups)
        self.server.start()


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
