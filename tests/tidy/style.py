"""Rules of style that no compiler knows: lengths, words, forms of files."""

import re

from tree import blank, line_of, without_literals

FILE_LINES = 800
FUNCTION_LINES = 70
SCRIPT_LINES = 300

# What, in code without comments and literals, and what to write instead. Clang 14 cannot parse the
# views of GCC 12's library and has neither std::format nor std::source_location.
BANNED_CODE = [
    (r"\bstd::(ranges::)?views::", "a loop or an algorithm"),
    (r"\bstd::(v?format|print)\b", "absl::StrCat or absl::StrFormat"),
    (r"\bstd::source_location\b", "CREDENCE_CHECK, which knows its place"),
    (r"\bco_(await|yield|return)\b", "a callback or a thread"),
    (r"\busing namespace\b", "the full name"),
    (r"\bstd::endl\b", "'\\n'"),
    (r"(?<![\w.:])assert\s*\(", "CREDENCE_CHECK"),
    (r"\bNULL\b", "nullptr"),
    (r"\bstd::(rand|srand)\b|(?<![\w.:>])s?rand\s*\(", "a seeded generator passed in"),
    (r"\b(strcpy|strcat|sprintf|gets)\s*\(", "std::string"),
    (r"\bsleep(_for|_until)\s*\(|(?<![\w.:>])u?sleep\s*\(", "a condition that is waited for"),
    (r"\bGTEST_SKIP\(\)\s*;|\bDISABLED_", "a test that runs, or says why it cannot"),
    (r"#\s*ifndef\s+\w+_H_?\b", "#pragma once"),
]

# Words that mark unfinished work, in any text.
REMINDERS = re.compile(r"\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b|\bHAC[K]\b|\bnot impl[e]mented\b|\bfor no[w]\b")

GENERATED = re.compile(r"\.pb\.(h|cc)$|_pb2(_grpc)?\.pyi?$|\.(o|a|so|pyc|binpb)$")

DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\\\n]|\\.|\\\n)*", re.MULTILINE)
OUTER = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def function_lengths(text):
    """Yields (line of the opening brace, lines) of each outermost function body.

    A heuristic: a brace opens a function where the text since the last brace or semicolon has a
    parenthesis and no enclosing brace is a function.
    """
    code = DIRECTIVE.sub(blank, without_literals(text))
    stack, head = [], 0
    for match in re.finditer(r"[{};]", code):
        offset = match.start()
        if match.group() == "{":
            before = code[head:offset]
            inside = any(kind == "function" for kind, _ in stack)
            is_function = not inside and "(" in before and not OUTER.search(before.split("(")[0])
            stack.append(("function" if is_function else "other", offset))
        elif match.group() == "}" and stack:
            kind, start = stack.pop()
            if kind == "function":
                yield line_of(code, start), code.count("\n", start, offset) + 1
        head = offset + 1


def check_code(path, text):
    if path.endswith(".h") and "#pragma once" not in text:
        yield f"{path}: has no #pragma once"
    if text.count("\n") > FILE_LINES:
        yield f"{path}: has more than {FILE_LINES} lines"
    for line, length in function_lengths(text):
        if length > FUNCTION_LINES:
            yield f"{path}:{line}: a function of {length} lines; the limit is {FUNCTION_LINES}"
    code = without_literals(text)
    for pattern, instead in BANNED_CODE:
        for match in re.finditer(pattern, code):
            place = line_of(code, match.start())
            yield f"{path}:{place}: write {instead} instead of {match.group().strip()}"


def check_text(path, text):
    for match in REMINDERS.finditer(text):
        yield f"{path}:{line_of(text, match.start())}: a reminder is left: {match.group()}"
    if text and not text.endswith("\n"):
        yield f"{path}: does not end with a line feed"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield f"{path}:{number}: ends in blanks"
        # make needs them, and gofmt writes them.
        if "\t" in line and not path.endswith(("Makefile", ".go")):
            yield f"{path}:{number}: has a tab"
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", line):
            yield f"{path}:{number}: has a control character"


# Vendored with its licence; kept as its authors wrote it.
VENDORED = ("proto/google/", "proto/etcd/", "LICENSE")


def check(tree):
    for path, text in tree.texts.items():
        if GENERATED.search(path):
            yield f"{path}: is generated and must not be kept"
        if text is None or path.startswith(VENDORED):
            continue
        yield from check_text(path, text)
        if path.endswith((".h", ".cc")):
            yield from check_code(path, text)
        if path.startswith("tests/tidy/") and text.count("\n") >= SCRIPT_LINES:
            yield f"{path}: has {SCRIPT_LINES} lines or more"
