"""What is installed works where it lies: install_test.py BUILD_FOLDER

Installs below a folder of the test's own, as a package is made (DESTDIR), and uses only what is
there: builds a program of ten lines against the client, by CMake and by pkg-config, with the shared
and with the static library, and runs each against the installed server.
"""

import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from served import Server, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONSUMER = pathlib.Path(__file__).resolve().parent / "consumer"
ORIGIN = "example.org/installed"


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        root = cls.folder / "root"
        run("cmake", "--install", BUILD, "--prefix", "/usr", env={**os.environ, "DESTDIR": root})
        cls.prefix = root / "usr"
        cls.library = next(cls.prefix.rglob("libcredence-client.so")).parent
        server = Server(cls.prefix / "bin/credence", ORIGIN)
        cls.addClassCleanup(server.close)
        cls.program, cls.endpoint = server.program, server.endpoint

    def check_consumer(self, program, *, shared):
        """It talks to the server, and depends on the shared library just where it should."""
        printed = run(program, self.endpoint, env={**os.environ,
                                                   "LD_LIBRARY_PATH": str(self.library)})
        self.assertEqual(printed, ORIGIN + "\n")
        needed = run("readelf", "-d", program)
        self.assertEqual("libcredence-client.so" in needed, shared, needed)

    def test_cmake_finds_it_shared_and_static(self):
        for static in ("OFF", "ON"):
            build = self.folder / f"cmake-{static}"
            run("cmake", "-S", CONSUMER, "-B", build, "-G", "Ninja",
                f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCredence_USE_STATIC_LIBS={static}",
                *LAUNCHER)
            run("cmake", "--build", build)
            self.check_consumer(build / "consumer", shared=static == "OFF")

    def test_pkg_config_finds_it_shared_and_static(self):
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.library / "pkgconfig")}

        def flags(*asked):
            return run("pkg-config", *asked, "credence-client", env=environment).split()

        compiled = self.folder / "consumer.o"
        run("c++", "-std=c++20", *flags("--cflags"), "-c", CONSUMER / "consumer.cc", "-o", compiled)
        run("c++", compiled, *flags("--libs"), "-o", self.folder / "shared")
        self.check_consumer(self.folder / "shared", shared=True)
        libraries = [name if name != "-lcredence-client" else "-l:libcredence-client.a"
                     for name in flags("--static", "--libs")]
        run("c++", compiled, *libraries, "-o", self.folder / "static")
        self.check_consumer(self.folder / "static", shared=False)

    def test_the_shared_library_shows_what_its_headers_declare(self):
        name = run("readelf", "-d", self.library / "libcredence-client.so")
        self.assertRegex(name, r"soname: \[libcredence-client\.so\.\d+\.\d+\]")
        symbols = run("nm", "-D", "--defined-only", "-C", self.library / "libcredence-client.so")
        own = re.findall(r"^\w+ [TDBR] (.*)$", symbols, re.MULTILINE)
        for wanted in ("credence::client::Client::CallMessage", "credence::v1::Receipt::Receipt",
                       "credence::GetErrorDetail"):
            self.assertTrue(any(name.startswith(wanted) for name in own), wanted)
        for hidden in ("credence::client::Channel::", "credence::client::ProofChecker::",
                       "credence::client::Client::Impl::", "credence::client::MethodOf"):
            self.assertFalse(any(name.startswith(hidden) for name in own), hidden)

    def test_every_header_of_the_client_is_there(self):
        headers = sorted((self.prefix / "include/credence/client").rglob("*.h"))
        own = sorted((ROOT / "clients/cpp/include/credence/client").rglob("*.h"))
        self.assertEqual([h.name for h in headers], [h.name for h in own])

    def test_every_private_header_hides_what_it_declares(self):
        for header in (ROOT / "clients/cpp/src").rglob("*.h"):
            text = header.read_text(encoding="utf-8")
            self.assertIn("#pragma GCC visibility push(hidden)", text, header)
            self.assertTrue(text.endswith("#pragma GCC visibility pop\n"), header)

    def test_python_imports_it(self):
        code = ("import sys, credence; from credence import v1\n"
                "client = credence.Client(sys.argv[1])\n"
                "print(client.get_tree_head(v1.GetTreeHeadRequest()).origin)")
        path = self.prefix / "lib/python3/dist-packages"
        printed = run("/usr/bin/python3", "-c", code, self.endpoint,
                      env={**os.environ, "PYTHONPATH": str(path)})
        self.assertEqual(printed, ORIGIN + "\n")

    def test_manual_and_completions_are_those_of_the_program(self):
        share = self.prefix / "share"
        for path, command in (("man/man1/credence.1", ["man"]),
                              ("bash-completion/completions/credence", ["completion", "bash"]),
                              ("zsh/site-functions/_credence", ["completion", "zsh"]),
                              ("fish/vendor_completions.d/credence.fish", ["completion", "fish"])):
            self.assertEqual((share / path).read_text(encoding="utf-8"),
                             run(self.program, *command), path)
        # The page is well-formed, and the system's own search finds it.
        shown = run("man", "--warnings", "-E", "UTF-8", "credence",
                    env={**os.environ, "MANPATH": str(share / "man"), "MANWIDTH": "100"})
        self.assertIn("credence question create", shown)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    LAUNCHER = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    unittest.main()
