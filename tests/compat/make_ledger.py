"""Makes a small ledger with an event of most kinds, for tests to open for ever:
make_ledger.py PROGRAM NAME

Run once for each format of the stored data, with the last program that writes it; writes NAME.tar.xz
and NAME.json, what the ledger answered, beside this file.
"""

import json
import pathlib
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from served import Server, run  # noqa: E402

EXAMPLES = HERE.parents[1] / "examples"
FILES = ["case-count/cases.yaml", "ship-date/project.yaml",
         *(f"afghanistan-2021/{name}.yaml" for name in (
             "00-sources", "10-network", "20-questions", "30-evidence", "40-forecasts",
             "50-resolutions"))]


def fill(server):
    for name in FILES:
        server.cli("apply", "-f", EXAMPLES / name)
    key = server.folder / "analyst-7.key"
    seal = server.folder / "sealed.json"
    signed = ("--author-key", key)
    server.cli("question", "create", "rain", "--without-model", "--title", "Will it rain?",
               "--close-time", "2100-01-01T00:00:00Z")
    server.cli("forecaster", "create", "analyst-7", "--name", "Analyst 7")
    server.cli("author", "keygen", "forecasters/analyst-7", key)
    server.cli("author", "register", key, "--require-signatures")
    server.cli("forecast", "add", "rain", "yes=0.7", "no=0.3", "--forecaster", "analyst-7", *signed)
    server.cli("forecast", "seal", "rain", "yes=0.8", "no=0.2", "--forecaster", "analyst-7",
               "--file", seal, *signed)
    server.cli("forecast", "reveal", seal, *signed)
    server.cli("ledger", "record-heads")


def answers(server):
    """What a later program must answer too; the names of the questions say which."""
    found = {}
    for question in json.loads(server.cli("question", "list", "--output", "json"))["questions"]:
        name = question["name"]
        found[name] = json.loads(server.cli("posterior", "history", name, "--output", "json",
                                            "--limit", "0")) if question.get("network") else {}
    return found


def main():
    program, name = sys.argv[1:]
    server = Server(pathlib.Path(program).resolve(), f"example.org/{name}")
    fill(server)
    server.stop()
    data = server.folder / "data"
    run(program, "ledger", "rotate-key", "--data", data)
    server.start()
    server.cli("source", "create", "after-rotation")
    server.stop()
    server.start()
    known = {"key": server.key, "head": json.loads(server.cli("ledger", "head", "--output", "json")),
             "posteriors": {question: last_posteriors(history)
                            for question, history in answers(server).items()}}
    server.stop()
    with tarfile.open(HERE / f"{name}.tar.xz", "w:xz") as archive:
        archive.add(data, "ledger")
    (HERE / f"{name}.json").write_text(json.dumps(known, indent=1, sort_keys=True) + "\n",
                                       encoding="utf-8")
    server.close()


def last_posteriors(history):
    """Of a question's history: how many were published, and the last."""
    posteriors = history.get("posteriors", [])
    return {"count": len(posteriors), "last": posteriors[-1] if posteriors else None}


if __name__ == "__main__":
    main()
