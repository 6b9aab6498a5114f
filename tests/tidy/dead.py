"""Files that nothing uses."""

import posixpath
import re

from arrows import INCLUDE


def included_names(tree):
    names = set()
    for _, text in tree.code():
        names.update(posixpath.normpath(name[1:-1]) for name in INCLUDE.findall(text))
    return names


def check_headers(tree):
    """A header is used when some include ends in its path as seen from its include folder."""
    names = included_names(tree)
    bases = {}
    for name in names:
        bases.setdefault(posixpath.basename(name), set()).add(name)
    for path, _ in tree.select(".h"):
        candidates = bases.get(posixpath.basename(path), set())
        if not any(path.endswith("/" + name.lstrip("./")) for name in candidates):
            yield f"{path}: no file includes it"


def check_test_sources(tree):
    """The rooms list their sources by pattern; a test that its CMakeLists.txt forgot never runs."""
    for path, _ in tree.select(".cc", below="tests/"):
        folder, name = posixpath.split(path)
        while folder:
            cmake = tree.texts.get(f"{folder}/CMakeLists.txt")
            if cmake is not None and (name in cmake or re.search(r"file\(GLOB", cmake)):
                break
            folder = posixpath.dirname(folder)
        else:
            yield f"{path}: no CMakeLists.txt above it builds it"


def check_scripts(tree):
    """A script or a module is named, or imported, in another file; tools find setup.py."""
    texts = [(path, text) for path, text in tree.texts.items() if text is not None]
    for path, _ in tree.select(".py", ".sh", ".cmake"):
        name = posixpath.basename(path)
        stem = name.rsplit(".", 1)[0]
        if name == "setup.py":
            continue
        word = re.compile(rf"{re.escape(name)}|import .*\b{stem}\b|from (?:[\w.]+\.)?{stem} import"
                          rf"|include\({stem}\)")
        if not any(word.search(text) for other, text in texts if other != path):
            yield f"{path}: nothing names it"


def check_documents(tree):
    """A page is linked to, itself or its folder; a folder's README.md is found by its name."""
    linked = set()
    for path, text in tree.select(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            linked.add(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
    for path, _ in tree.select(".md"):
        folder = posixpath.dirname(path)
        found = posixpath.basename(path) == "README.md" or folder in linked
        if path not in linked and not found:
            yield f"{path}: no document links to it"


def check(tree):
    yield from check_headers(tree)
    yield from check_test_sources(tree)
    yield from check_scripts(tree)
    yield from check_documents(tree)
