"""What deploy/ promises: units, alerts, dashboard, runbook: deploy_test.py PROGRAM"""

import functools
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import unittest

from served import Server, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
RUNBOOK = DEPLOY / "README.md"
# Of 10; systemd calls what is below 2 "OK".
EXPOSURE_MAX = 2.0
# Options that take no value, so that the word after them is looked at too.
WORD = re.compile(r"^[a-z][a-z-]*$")


@functools.lru_cache(maxsize=None)
def help_of(*command):
    return run(PROGRAM, *command, "--help")


def tool(test, name, package):
    found = shutil.which(name)
    if found is None:
        test.skipTest(f"{name}, of the package {package}, is not installed")
    return found


def anchors(text):
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


class UnitsTest(unittest.TestCase):
    def test_the_services_are_hardened(self):
        analyze = tool(self, "systemd-analyze", "systemd")
        for name in ("credence.service", "credence-backup.service"):
            done = subprocess.run(
                [analyze, "security", "--offline=true", "--no-pager", DEPLOY / "systemd" / name],
                text=True, capture_output=True, check=False)
            exposure = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
            self.assertIsNotNone(exposure, done.stdout + done.stderr)
            self.assertLess(float(exposure.group(1)), EXPOSURE_MAX, done.stdout)

    def test_the_configuration_of_the_unit_is_right(self):
        run(PROGRAM, "serve", "--config", DEPLOY / "systemd/credence.yaml", "--check-config")

    def test_the_unit_outlives_the_drain(self):
        text = (DEPLOY / "systemd/credence.service").read_text(encoding="utf-8")
        self.assertIn("Type=notify", text)
        self.assertIn("TimeoutStopSec=1min", text)
        printed = run(PROGRAM, "serve", "--config", DEPLOY / "systemd/credence.yaml",
                      "--print-config")
        drain = int(re.search(r"^drain-seconds: (\d+)", printed, re.MULTILINE).group(1))
        self.assertLess(drain, 60)


class MonitoringTest(unittest.TestCase):
    RULES = DEPLOY / "prometheus/credence.rules.yaml"
    DASHBOARD = DEPLOY / "grafana/credence.json"

    def test_each_alert_fires_when_it_should_and_only_then(self):
        promtool = tool(self, "promtool", "prometheus")
        run(promtool, "check", "config", DEPLOY / "prometheus/prometheus.yaml")
        run(promtool, "test", "rules", DEPLOY / "prometheus/credence.rules.test.yaml")
        tested = (DEPLOY / "prometheus/credence.rules.test.yaml").read_text(encoding="utf-8")
        for alert in re.findall(r"- alert: (\w+)", self.RULES.read_text(encoding="utf-8")):
            self.assertIn(f"{alert} fires", tested)
            self.assertIn(f"{alert} keeps still", tested)

    def test_each_metric_that_is_named_is_served(self):
        server = Server(PROGRAM)
        self.addCleanup(server.close)
        served = set(re.findall(r"^# TYPE (\S+)", server.get("/metrics"), re.MULTILINE))
        dashboard = json.loads(self.DASHBOARD.read_text(encoding="utf-8"))
        queries = [target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])]
        self.assertGreater(len(queries), 30)
        for text in [*queries, self.RULES.read_text(encoding="utf-8")]:
            for name in re.findall(r"\b(?:credence|process)_[a-z_]+\b", text):
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue(name in served or base in served, f"{name} in {text[:200]}")

    def test_each_panel_of_the_dashboard_has_a_query_and_a_place_of_its_own(self):
        dashboard = json.loads(self.DASHBOARD.read_text(encoding="utf-8"))
        taken, numbers = set(), set()
        for panel in dashboard["panels"]:
            self.assertNotIn(panel["id"], numbers)
            numbers.add(panel["id"])
            if panel["type"] != "row":
                self.assertTrue(panel["targets"], panel["title"])
                self.assertTrue(panel["description"], panel["title"])
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, panel["title"])
                    taken.add((x, y))
                    self.assertLess(x, 24)

    def test_each_alert_leads_to_a_heading_of_the_runbook(self):
        headings = anchors(RUNBOOK.read_text(encoding="utf-8"))
        links = re.findall(r"runbook: deploy/README\.md#(\S+)", self.RULES.read_text("utf-8"))
        self.assertGreater(len(links), 10)
        for link in links:
            self.assertIn(link, headings)


class RunbookTest(unittest.TestCase):
    """The commands of `credence` in the runbook and in the units are ones that it knows."""

    def commands(self):
        text = RUNBOOK.read_text(encoding="utf-8")
        blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        lines += re.findall(r"`(credence [^`]+)`", text)
        for name in ("credence.service", "credence-backup.service"):
            unit = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
            lines += re.findall(r"^Exec\w+=/usr/bin/(credence .*)$", unit, re.MULTILINE)
        for line in lines:
            words = shlex.split(line)
            if "credence" in words and words[0] in ("credence", "runuser"):
                # After the user's name of runuser comes the program's.
                yield line, words[words.index("--") + 2 if "--" in words else 1:]

    def check(self, line, words):
        flags = [word.split("=")[0] for word in words if word.startswith("--")]
        level, command, values = help_of(), [], iter(words)
        for word in values:
            if word.startswith("--"):
                next(values, None) if self.takes_value(command, word) else None
                continue
            if not WORD.match(word):
                continue
            if re.search(rf"^  {re.escape(word)}\s", level, re.MULTILINE) is None:
                break
            command.append(word)
            level = help_of(*command)
        self.assertTrue(command, line)
        self.assertNotIn("Subcommands:", level, f"{line}: is not complete")
        for flag in flags:
            self.assertTrue(self.knows(command, flag), f"{line}: no flag {flag}")

    @staticmethod
    def knows(command, flag):
        pattern = rf"(^|[\s,]){re.escape(flag)}\b"
        return any(re.search(pattern, help_of(*part), re.MULTILINE)
                   for part in (command, []))

    @staticmethod
    def takes_value(command, flag):
        pattern = rf"{re.escape(flag)} (TEXT|INT|UINT|FLOAT)"
        return any(re.search(pattern, help_of(*part)) for part in (command, []))

    def test_each_command_is_one_that_the_program_knows(self):
        count = 0
        for line, words in self.commands():
            with self.subTest(line):
                self.check(line, words)
                count += 1
        self.assertGreater(count, 20)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
