"""The program in a terminal: live views, completion, manual. terminal_test.py PROGRAM"""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from served import Server, run

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
WAIT_SECONDS = 120


class Terminal:
    """A process on a terminal of its own, as it stands in a window."""

    def __init__(self, command, environment, columns=80, lines=24):
        self.text = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execvpe(command[0], [str(part) for part in command],
                       {**environment, "LANG": "C.UTF-8", "TERM": "xterm"})
        self.settings = termios.tcgetattr(self.master)

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                return False
        return True

    def frame(self):
        """The lines of the last frame that is drawn whole."""
        frames = re.findall(r"\x1b\[H(.*?)\x1b\[J", self.text, re.DOTALL)
        return [line.replace("\x1b[K", "") for line in frames[-1].split("\r\n")] if frames else []

    def wait_for(self, condition):
        limit = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > limit or not self.read(0.05):
                raise AssertionError(f"it did not come; the terminal shows: {self.frame()}")

    def end(self):
        """Reads to the end; the status of the process."""
        while self.read(WAIT_SECONDS):
            pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.master)
        return status


class LiveTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.addCleanup(self.server.close)
        question = self.server.folder / "rain.yaml"
        question.write_text("kind: Question\nid: rain\nspec:\n  title: Will it rain?\n"
                            "  closeTime: 2040-01-01T00:00:00Z\n"
                            "  prior: {fixed: {probabilities: [0.2, 0.8]}}\n", encoding="utf-8")
        self.server.cli("apply", "-f", question)

    def report(self, ratio):
        self.server.cli("evidence", "add", "rain", "--node", "rain", "--summary", "clouds",
                        "--likelihood-ratio", ratio)

    def terminal(self, *command, **options):
        return Terminal([PROGRAM, *command], self.server.environment, **options)

    def test_a_posterior_is_drawn_and_redrawn_and_the_terminal_given_back(self):
        terminal = self.terminal("posterior", "watch", "rain")
        terminal.wait_for(lambda: any("yes 20.00 %" in line for line in terminal.frame()))
        self.assertIn("questions/rain: probability of yes", terminal.frame()[0])
        self.report(3)
        terminal.wait_for(lambda: any("yes 42.86 %" in line for line in terminal.frame()))
        self.assertTrue(any("┤" in line for line in terminal.frame()))
        terminal.type("\x03")
        status = terminal.end()
        self.assertTrue(os.WIFSIGNALED(status))
        self.assertEqual(os.WTERMSIG(status), signal.SIGINT)
        # On its own screen while it lives; what was last known stays on the first one.
        self.assertEqual(terminal.text.count(ENTER), 1)
        before, after = terminal.text.split(LEAVE)
        self.assertTrue(before.startswith(ENTER))
        self.assertRegex(after, r"\A\S+  yes 42\.86 %, no 57\.14 %  \(evidence, position \d+\)\r\n")
        self.assertNotIn("\x1b", after)

    def test_a_shell_sees_the_code_of_an_interrupt(self):
        script = f"trap : INT; {PROGRAM} ledger watch; echo code $?"
        terminal = Terminal(["bash", "-c", script], self.server.environment)
        terminal.wait_for(lambda: terminal.frame())
        terminal.type("\x03")
        self.assertEqual(terminal.end(), 0)
        self.assertIn("code 130", terminal.text)

    def test_events_scroll_within_the_window_as_it_is_now(self):
        terminal = self.terminal("ledger", "watch", "--start-position", "0", lines=8, columns=60)
        terminal.wait_for(lambda: "QuestionCreated" in "".join(terminal.frame()))
        for index in range(8):
            self.server.cli("source", "create", f"s{index}")
        terminal.wait_for(lambda: "sources/s7" in terminal.frame()[-1])
        self.assertEqual(len(terminal.frame()), 8)
        self.assertLessEqual(max(map(len, terminal.frame())), 60)
        self.assertIn("sources/s3", terminal.frame()[3])
        terminal.resize(30, 6)
        terminal.wait_for(lambda: len(terminal.frame()) == 6)
        self.assertLessEqual(max(map(len, terminal.frame())), 30)
        os.kill(terminal.pid, signal.SIGTERM)
        self.assertEqual(os.WTERMSIG(terminal.end()), signal.SIGTERM)
        self.assertIn(LEAVE, terminal.text)

    def test_it_can_be_stopped_and_goes_on(self):
        terminal = self.terminal("ledger", "watch", "--start-position", "0")
        terminal.wait_for(lambda: "QuestionCreated" in "".join(terminal.frame()))
        terminal.type("\x1a")
        terminal.wait_for(lambda: LEAVE in terminal.text)
        self.assertTrue(os.WIFSTOPPED(os.waitpid(terminal.pid, os.WUNTRACED)[1]))
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.wait_for(lambda: terminal.text.count(ENTER) == 2)
        terminal.type("\x03")
        self.assertEqual(os.WTERMSIG(terminal.end()), signal.SIGINT)

    def test_a_count_ends_the_view_and_an_error_stays_readable(self):
        terminal = self.terminal("ledger", "watch", "--start-position", "0", "--count", "1")
        self.assertEqual(terminal.end(), 0)
        self.assertRegex(terminal.text.split(LEAVE)[1], r"\A0  \S+  LedgerCreated")
        terminal = self.terminal("posterior", "watch", "none")
        self.assertEqual(os.WEXITSTATUS(terminal.end()), 3)
        self.assertIn("questions/none does not exist", terminal.text.split(LEAVE)[1])

    def test_what_is_no_terminal_gets_plain_lines(self):
        for options, pattern in (([], r"\A0  \S+  LedgerCreated  ledger  \S+\n\Z"),
                                 (["--output", "jsonl"], r'\A\{.*"name":"events/0".*\}\n\Z')):
            text = self.server.cli("ledger", "watch", "--start-position", "0", "--count", "1",
                                   *options)
            self.assertRegex(text, pattern)
        # Nor does a person who asks for data.
        terminal = self.terminal("ledger", "watch", "--start-position", "0", "--count", "1",
                                 "--output", "jsonl")
        self.assertEqual(terminal.end(), 0)
        self.assertNotIn("\x1b", terminal.text)


def commands(path=()):
    """Every command of the tree, as --help tells of it."""
    text = run(PROGRAM, *path, "--help")
    listed = text.partition("Subcommands:\n")[2]
    for name in re.findall(r"^  (\S+)", listed, re.MULTILINE):
        yield from commands((*path, name))
    if not listed:
        yield path, set(re.findall(r"(--[a-z][a-z-]+)", text.partition("Options:\n")[2]))


class ReferenceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = dict(commands())

    def complete(self, *lines):
        """What bash offers for each line: a list of words, of which the last is being written."""
        script = (f"source <({PROGRAM} completion bash)\n"
                  "while read -ra COMP_WORDS; do COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                  "[ \"${COMP_WORDS[COMP_CWORD]}\" != . ] || COMP_WORDS[COMP_CWORD]=\n"
                  "_credence; echo \"${COMPREPLY[@]}\"; done")
        text = "".join(f"credence {' '.join(words[:-1])} {words[-1] or '.'}\n" for words in lines)
        return [line.split() for line in run("bash", "-c", script, input=text).splitlines()]

    def test_the_manual_names_every_command_and_flag(self):
        self.assertGreater(len(self.tree), 40)
        page = run(PROGRAM, "man").replace("\\-", "-")
        sections = dict(re.findall(r'^\.SS "credence (.*?)"\n(.*?)(?=^\.S)', page,
                                   re.MULTILINE | re.DOTALL))
        self.assertEqual(set(sections), {" ".join(path) for path in self.tree})
        for path, flags in self.tree.items():
            for flag in flags - {"--help"}:
                self.assertIn(flag, sections[" ".join(path)] + page.partition(".SH COMMANDS")[0],
                              path)

    def test_bash_completes_commands_flags_and_forms(self):
        noun, verb, flag, form = self.complete(
            ["quest"], ["posterior", ""], ["posterior", "watch", "rain", "--st"],
            ["ledger", "watch", "--output", "js"])
        self.assertEqual((noun, form), (["question"], ["json", "jsonl"]))
        self.assertIn("watch", verb)
        self.assertIn("--start-position", flag)
        offered = self.complete(*([*path, "--"] for path in self.tree))
        for (path, flags), words in zip(self.tree.items(), offered, strict=True):
            self.assertEqual(flags - set(words), set(), path)

    def test_other_shells_take_their_scripts(self):
        for shell in ("zsh", "fish"):
            script = run(PROGRAM, "completion", shell)
            for path in self.tree:
                self.assertIn(path[-1], script)
            if shutil.which(shell) is not None:
                subprocess.run([shell, "-n"], input=script, text=True, check=True)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
