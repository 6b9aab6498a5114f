"""/metrics, /healthz and /readyz of a served ledger: metrics_test.py PROGRAM"""

import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest
import urllib.error

from served import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/metrics.md"
WAIT_SECONDS = 120


class MetricsTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.addCleanup(self.server.close)

    def samples(self):
        """Value of each sample, by its name with its labels as they stand in the text."""
        found = {}
        for line in self.server.get("/metrics").splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def wait_for(self, condition):
        limit = time.monotonic() + WAIT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.02)

    @staticmethod
    def of(method, name, service="LedgerService", more=""):
        return f'{name}{{service="credence.v1.{service}",method="{method}"{more}}}'

    def work(self):
        self.server.cli("source", "create", "one")
        self.server.cli("source", "get", "one")
        self.server.cli("source", "get", "none", check=False)

    def test_the_page_of_the_reference_lists_what_is_served(self):
        self.work()
        served = dict(re.findall(r"^# TYPE (\S+) (\S+)$", self.server.get("/metrics"),
                                 re.MULTILINE))
        listed = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE.read_text(encoding="utf-8"),
                                 re.MULTILINE))
        self.assertEqual(listed, served)

    def test_promtool_finds_nothing_wrong(self):
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool, of the package prometheus, is not installed")
        self.work()
        done = subprocess.run([promtool, "check", "metrics"], input=self.server.get("/metrics"),
                              text=True, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_calls_are_counted_by_method_and_code_however_they_come(self):
        self.work()
        self.server.get("/credence.v1.EvidenceService/GetSource?connect=v1&encoding=json"
                        "&message=%7B%22name%22%3A%22sources%2Fone%22%7D")
        samples = self.samples()

        def calls(code):
            return samples[self.of("GetSource", "credence_requests_total", "EvidenceService",
                                   f',code="{code}"')]

        self.assertEqual((calls("OK"), calls("NOT_FOUND")), (2, 1))
        self.assertEqual(samples[self.of("GetSource", "credence_request_seconds_count",
                                         "EvidenceService")], 3)
        self.assertEqual(samples[self.of("CreateSource", "credence_request_seconds_bucket",
                                         "EvidenceService", ',le="+Inf"')], 1)
        self.assertGreater(samples[self.of("CreateSource", "credence_request_seconds_sum",
                                           "EvidenceService")], 0)
        self.assertEqual(samples[self.of("GetSource", "credence_requests_in_flight",
                                         "EvidenceService")], 0)

    def test_writes_leave_their_mark_on_log_and_database(self):
        before = self.samples()
        for index in range(4):
            self.server.cli("source", "create", f"s{index}")
        after = self.samples()

        def grown(name):
            return after[name] - before[name]

        self.assertEqual(grown("credence_log_size_events"), 4)
        self.assertEqual(grown("credence_decision_seconds_count"), 4)
        self.assertEqual(grown("credence_write_batch_events_sum"), 4)
        self.assertEqual(grown("credence_write_commit_seconds_count"),
                         grown("credence_write_batch_events_count"))
        self.assertGreater(grown("credence_store_memtable_bytes"), 0)
        self.assertEqual(after["credence_log_writable"], 1)
        self.assertEqual(after["credence_store_writes_stopped"], 0)
        self.assertGreater(after["process_resident_memory_bytes"], 1 << 20)
        self.assertGreater(after["process_threads"], 3)
        self.wait_for(lambda: self.samples()["credence_checkpoint_size_events"] ==
                      self.samples()["credence_log_size_events"])
        self.assertEqual(self.samples()["credence_checkpoint_age_seconds"], 0)

    def test_watches_are_counted_with_their_lag_until_they_end(self):
        name = self.of("WatchEvents", "credence_watchers")
        watch = subprocess.Popen([PROGRAM, "ledger", "watch", "--start-position", "0"],
                                 env=self.server.environment, stdout=subprocess.DEVNULL)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.terminate)
        self.wait_for(lambda: self.samples().get(name) == 1)
        self.server.cli("source", "create", "one")
        self.wait_for(lambda: self.samples()[
            self.of("WatchEvents", "credence_watch_lag_events")] == 0)
        self.assertGreaterEqual(self.samples()[
            self.of("WatchEvents", "credence_stream_messages_total")], 1)
        watch.terminate()
        self.wait_for(lambda: self.samples()[name] == 0)
        self.assertEqual(self.samples()[self.of("WatchEvents", "credence_requests_total",
                                                more=',code="CANCELLED"')], 1)

    def test_health_is_told(self):
        self.assertEqual(self.server.get("/healthz"), "ok\n")
        self.assertEqual(self.server.get("/readyz"), "ok\n")
        with self.assertRaises(urllib.error.HTTPError) as missing:
            self.server.get("/metrics/more")
        self.assertEqual(missing.exception.code, 404)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
