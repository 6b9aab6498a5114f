"""The same question gives the same numbers by every way in: same_numbers_test.py PROGRAM

By gRPC with nothing between, by the Python client, by the Connect protocol as JSON, and by the
commands as JSON, CSV and text for people.
"""

import csv
import io
import json
import pathlib
import re
import sys
import unittest
import urllib.request

import grpc
from google.protobuf import json_format

import credence
from credence import v1
from served import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTANT = "2021-11-02T12:00:00Z"
QUESTIONS = ("china-recognizes", "russia-recognizes", "joint-recognition")


def target(name):
    return {"target": {"name": name, "effectiveTime": INSTANT}}


def cases():
    """(service, method, request as JSON, command)."""
    for question in QUESTIONS:
        name = f"questions/{question}"
        yield ("InferenceService", "QueryPosterior", target(name),
               ["posterior", "get", question, "--effective-time", INSTANT])
        yield ("InferenceService", "ExplainPosterior", target(name),
               ["posterior", "explain", question, "--effective-time", INSTANT])
        yield ("ForecastService", "ListPosteriors", {"parent": name, "page": {"pageSize": 1000}},
               ["posterior", "history", question])
        yield ("ForecastService", "GetPool", {"parent": name, "effectiveTime": INSTANT},
               ["forecast", "pool", question, "--effective-time", INSTANT])
    yield ("InferenceService", "QueryPosterior", target("networks/afghanistan-2021"),
           ["posterior", "get", "networks/afghanistan-2021", "--effective-time", INSTANT])
    yield ("ScoreService", "GetLeaderboard", {"rule": "brier.half.timeweighted", "backfilled": True},
           ["score", "leaderboard", "--backfilled"])


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def numbers(message):
    """Every number with a fraction in a message, by its path."""
    found = {}

    def walk(part, path):
        for field, value in part.ListFields():
            place = f"{path}.{field.name}"
            values = value if field.label == field.LABEL_REPEATED else [value]
            for index, one in enumerate(values):
                if field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
                    walk(one, f"{place}[{index}]")
                elif field.type == field.TYPE_DOUBLE:
                    found[f"{place}[{index}]"] = one

    walk(message, "")
    return found


class SameNumbersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        cls.addClassCleanup(cls.server.close)
        for file in sorted((ROOT / "examples/afghanistan-2021").glob("[0-5]*.yaml")):
            cls.server.cli("apply", "-f", file)
        cls.channel = grpc.insecure_channel(cls.server.endpoint)
        cls.addClassCleanup(cls.channel.close)
        cls.client = credence.Client(cls.server.endpoint, timeout=300)
        cls.addClassCleanup(cls.client.close)

    def by_grpc(self, service, method, request):
        response = getattr(v1, f"{method}Response")
        call = self.channel.unary_unary(f"/credence.v1.{service}/{method}",
                                        type(request).SerializeToString, response.FromString)
        return call(request, timeout=300)

    def by_connect(self, service, method, request, response):
        call = urllib.request.Request(
            f"http://127.0.0.1:{self.server.http_port}/credence.v1.{service}/{method}",
            data=json_format.MessageToJson(request).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(call, timeout=300) as answer:
            return json_format.Parse(answer.read(), response())

    def test_every_way_in_gives_the_same_message(self):
        for service, method, body, command in cases():
            with self.subTest(method=method, command=command):
                request = json_format.ParseDict(body, getattr(v1, f"{method}Request")())
                expected = self.by_grpc(service, method, request)
                self.assertTrue(numbers(expected), "there is nothing to compare")
                others = {
                    "Python": getattr(self.client, snake(method))(request),
                    "Connect": self.by_connect(service, method, request, type(expected)),
                    "command": json_format.Parse(self.server.cli(*command, "--output", "json"),
                                                 type(expected)()),
                }
                for way, message in others.items():
                    self.assertEqual(numbers(message), numbers(expected), way)

    def test_tables_show_the_same_numbers_rounded(self):
        for question in QUESTIONS:
            command = ["posterior", "get", question, "--effective-time", INSTANT]
            states = {s["state"]: s["probability"] for s in json.loads(
                self.server.cli(*command, "--output", "json"))["posterior"]["states"]}
            rows = csv.DictReader(io.StringIO(self.server.cli(*command, "--output", "csv")))
            self.assertEqual({row["STATE"]: float(row["PROBABILITY"]) for row in rows}, states)
            shown = dict(re.findall(r"^\S+ +(\S+) +([\d.]+) %$", self.server.cli(*command),
                                    re.MULTILINE))
            self.assertEqual(set(shown), set(states))
            for state, text in shown.items():
                digits = len(text.partition(".")[2])
                self.assertEqual(text, f"{100 * states[state]:.{digits}f}")


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
