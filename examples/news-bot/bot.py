#!/usr/bin/env python3
"""Reads a feed and records what it says as evidence: bot.py FEED RULES [--endpoint HOST:PORT]

FEED is a file with RSS 2.0 or a JSON Feed. RULES says which titles bear on which node of which
network, and how much. An item is recorded once, however often the bot runs: the id of its write is
made from the item's own id, and the ledger knows it again. Each item counts from its own date.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import uuid
import xml.etree.ElementTree
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Iterator, Optional

from credence import Client, errors, v1


@dataclass(frozen=True)
class Item:
    identity: str
    title: str
    url: str
    time: datetime


def read_rss(text: str) -> Iterator[Item]:
    for item in xml.etree.ElementTree.fromstring(text).iter("item"):
        link = item.findtext("link", "")
        yield Item(item.findtext("guid", link), item.findtext("title", "").strip(), link,
                   parsedate_to_datetime(item.findtext("pubDate", "")))


def read_json_feed(text: str) -> Iterator[Item]:
    for item in json.loads(text)["items"]:
        yield Item(str(item["id"]), item["title"].strip(), item.get("url", ""),
                   datetime.fromisoformat(item["date_published"]))


def read_feed(path: pathlib.Path) -> list[Item]:
    """Oldest first, as they came to be known."""
    text = path.read_text(encoding="utf-8")
    items = read_json_feed(text) if text.lstrip().startswith("{") else read_rss(text)
    return sorted(items, key=lambda item: item.time)


def request_of(item: Item, rules: dict[str, Any]) -> Optional[v1.CreateEvidenceRequest]:
    """The write of an item, the same each time; None where no rule knows it."""
    for rule in rules["rules"]:
        if not re.search(rule["pattern"], item.title, re.IGNORECASE):
            continue
        request = v1.CreateEvidenceRequest(parent=rules["network"])
        model = request.evidence.model
        model.node, model.weight_decibans = rule["node"], rule["weightDecibans"]
        model.summary, model.url = item.title, item.url
        model.source, model.grade = rules["source"], rules["grade"]
        model.occur_time.FromDatetime(item.time.astimezone(timezone.utc))
        request.options.request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, item.identity))
        request.options.effective_time.CopyFrom(model.occur_time)
        return request
    return None


def record(client: Client, item: Item, rules: dict[str, Any]) -> bool:
    """Records an item and says what it did; False where that failed."""
    request = request_of(item, rules)
    if request is None:
        print(f"{item.identity}: no rule knows it")
        return True
    try:
        response = client.create_evidence(request)
    except errors.RequestIdReused:
        print(f"{item.identity}: changed since it was recorded; left as it was")
        return True
    except errors.CredenceError as error:
        print(f"{item.identity}: {error}", file=sys.stderr)
        return False
    if response.receipt.duplicate:
        print(f"{item.identity}: was recorded before")
        return True
    print(f"{item.identity}: recorded at position {response.receipt.position}")
    for move in response.moves:
        print(f"  {move.question} {move.state}: {move.probability_before:.2%} -> "
              f"{move.probability_after:.2%}")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Record what a feed says as evidence.")
    parser.add_argument("feed", type=pathlib.Path)
    parser.add_argument("rules", type=pathlib.Path)
    parser.add_argument("--endpoint", default=os.environ.get("CREDENCE_ENDPOINT",
                                                             "127.0.0.1:7700"))
    arguments = parser.parse_args()
    rules = json.loads(arguments.rules.read_text(encoding="utf-8"))
    with Client(arguments.endpoint, actor="news-bot") as client:
        done = [record(client, item, rules) for item in read_feed(arguments.feed)]
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
