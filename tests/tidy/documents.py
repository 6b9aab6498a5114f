"""Documents that are in step: one title each, links that lead somewhere, references that are whole."""

import posixpath
import re

import errors_reference

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)

# Reference page: (proto, the message or enum whose names it must hold, what to take of a name).
EVIDENCE_PAGE = "docs/reference/evidence-forms.md"
EVIDENCE_PROTO = "proto/credence/event/v1/evidence_model.proto"

THREATS_PAGE = "docs/operating/security.md"
# Lines of the table after its head.
THREAT_ROW = re.compile(r"^\| (?!who |--)(.* \| .*) \|$", re.MULTILINE)
TEST_NAME = re.compile(r"`(\w+\.\w+)`")
TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", re.MULTILINE)


def anchors(text):
    """The anchors that a page's headings make."""
    found = set()
    for _, title in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"[^\w\- ]", "", title.strip().lower())
        found.add(words.replace(" ", "-"))
    return found


def check_title(path, text):
    titles = [title for marks, title in HEADING.findall(FENCE.sub("", text)) if marks == "#"]
    if len(titles) != 1 or not text.startswith("# "):
        yield f"{path}: needs one title, in its first line, and has {len(titles)}"


def check_links(tree, path, text):
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
        folder = any(file.startswith(other + "/") for file in tree.texts)
        if other not in tree.texts and not folder:
            yield f"{path}: links to {target}, which does not exist"
        elif anchor and anchor not in anchors(tree.texts.get(other) or ""):
            yield f"{path}: links to {target}, and that page has no such heading"


def check_errors(tree):
    page = tree.texts.get("docs/reference/errors.md")
    if page != errors_reference.page(tree.texts["proto/credence/v1/error_reason.proto"]):
        yield ("docs/reference/errors.md: is not what the proto says; run "
               "python3 tests/tidy/errors_reference.py docs/reference/errors.md")


def statement_fields(proto):
    """Names of the forms of evidence: the fields of the oneof."""
    block = re.search(r"oneof statement \{(.*?)\n  \}", proto, re.DOTALL).group(1)
    return re.findall(r"^\s*[\w.]+ (\w+) = \d+;", block, re.MULTILINE)


def check_evidence_forms(tree):
    page = tree.texts.get(EVIDENCE_PAGE) or ""
    for name in statement_fields(tree.texts[EVIDENCE_PROTO]):
        if f"`{name}`" not in page:
            yield f"{EVIDENCE_PAGE}: does not tell of `{name}`"


def check_threats(tree):
    """Each line of the table of threats names tests, and each of them exists."""
    text = tree.texts.get(THREATS_PAGE) or ""
    rows = THREAT_ROW.findall(text.partition("\n## Threats\n")[2])
    if not rows:
        yield f"{THREATS_PAGE}: has no table of threats"
    code = "\n".join(content for path, content in tree.select(".cc") if path.startswith("tests/"))
    tests = {".".join(names) for names in TEST.findall(code)}
    for row in rows:
        named = TEST_NAME.findall(row.rpartition(" | ")[2])
        if not named:
            yield f"{THREATS_PAGE}: names no test for {row[:60]}"
        for name in named:
            if name not in tests:
                yield f"{THREATS_PAGE}: names {name}, and there is no such test"


def check(tree):
    for path, text in tree.select(".md"):
        yield from check_title(path, text)
        yield from check_links(tree, path, text)
    yield from check_errors(tree)
    yield from check_evidence_forms(tree)
    yield from check_threats(tree)
