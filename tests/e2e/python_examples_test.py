"""The examples in Python against a real server: python_examples_test.py PROGRAM"""

import pathlib
import re
import sys
import unittest
import xml.etree.ElementTree

from served import Server, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOT = ROOT / "examples/news-bot"
PYTHON = "/usr/bin/python3"


class ExamplesTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.addCleanup(self.server.close)
        self.server.cli("apply", "-f", ROOT / "examples/news-bot/question.yaml")

    def bot(self, feed, **options):
        return run(PYTHON, BOT / "bot.py", feed, BOT / "rules.json",
                   env=self.server.environment, **options)

    def item_count(self):
        return len(self.server.cli("evidence", "list", "networks/next-release", "--output",
                                   "name").split())

    def test_the_bot_records_each_item_once(self):
        before = self.item_count()
        first = self.bot(BOT / "feed.xml")
        self.assertEqual(len(re.findall(r"recorded at position", first)), 2, first)
        self.assertIn("news-103: no rule knows it", first)
        # Each report makes a late release more likely.
        moves = re.findall(r"questions/release-late yes: ([\d.]+)% -> ([\d.]+)%", first)
        self.assertEqual(len(moves), 2, first)
        for earlier, later in moves:
            self.assertLess(float(earlier), float(later))
        second = self.bot(BOT / "feed.xml")
        self.assertEqual(len(re.findall("was recorded before", second)), 2, second)
        self.assertEqual(self.item_count(), before + 2)
        self.assertIn("recorded at position", self.bot(BOT / "feed.json"))
        self.assertEqual(self.item_count(), before + 3)

    def test_the_bot_leaves_an_item_that_was_changed_later(self):
        self.bot(BOT / "feed.json")
        changed = self.server.folder / "feed.json"
        changed.write_text((BOT / "feed.json").read_text(encoding="utf-8")
                           .replace("Two developers", "Three developers"), encoding="utf-8")
        count = self.item_count()
        self.assertIn("changed since it was recorded", self.bot(changed))
        self.assertEqual(self.item_count(), count)

    def test_the_history_is_drawn_as_it_is_published(self):
        plot = ROOT / "examples/history-plot/plot.py"
        self.server.cli("apply", "-f", ROOT / "examples/ship-date/project.yaml")
        picture = self.server.folder / "shipped.svg"
        run(PYTHON, plot, "shipped", picture, env=self.server.environment)
        drawing = xml.etree.ElementTree.parse(picture).getroot()
        points = drawing.find("{http://www.w3.org/2000/svg}polyline").get("points").split()
        published = self.server.cli("posterior", "history", "shipped", "--output",
                                    "jsonl").splitlines()
        self.assertGreater(len(published), 3)
        self.assertEqual(len(points), 2 * len(published) - 1)
        bars = run(PYTHON, plot, "shipped", env=self.server.environment).splitlines()
        self.assertEqual(len(bars), len(published) + 1)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
