"""What the checks look at: the files of the repository, read once."""

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = {".git", "build", "node_modules", "__pycache__", ".cache", "gen", "dist", "corpus"}
CODE = (".h", ".cc")


class Tree:
    """Paths relative to the root, with their texts. Tests make one from a dictionary."""

    def __init__(self, texts):
        self.texts = texts

    @classmethod
    def read(cls, root=ROOT):
        texts = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED)
            for name in sorted(names):
                path = pathlib.Path(folder, name)
                try:
                    texts[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    texts[path.relative_to(root).as_posix()] = None
        return cls(texts)

    def select(self, *endings, below=""):
        """Yields (path, text) of the texts below a folder whose names end so."""
        for path, text in self.texts.items():
            if text is not None and path.startswith(below) and path.endswith(endings):
                yield path, text

    def code(self, below=""):
        return self.select(*CODE, below=below)


RAW_STRING = re.compile(r'R"([^(\s]*)\(.*?\)\1"', re.DOTALL)
TOKENS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)*'""", re.DOTALL)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def without_literals(text):
    """C++ with comments and literals blanked; lines and columns stay where they are."""
    return TOKENS.sub(blank, RAW_STRING.sub(blank, text))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
