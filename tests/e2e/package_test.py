"""The Debian package: package_test.py BUILD_FOLDER

Makes the package and looks at it. Where CREDENCE_BARE_ROOT names a root made by debootstrap, it is
also installed, used, upgraded and removed in a copy of that root.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from served import run

WAIT_SECONDS = 120


def make(folder, version):
    """Makes the package of a version; its path."""
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, "-G", "DEB",
        "-D", f"CPACK_PACKAGE_VERSION={version}", cwd=BUILD)
    return next(folder.glob(f"credence_{version}_*.deb"))


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        if shutil.which("dpkg-deb") is None:
            raise unittest.SkipTest("dpkg-deb is not here: no Debian")
        cls.package = make(cls.folder, "0.1.0")

    def field(self, name):
        return run("dpkg-deb", "-f", self.package, name).strip()

    def test_it_holds_program_units_configuration_and_documents(self):
        listed = run("dpkg-deb", "-c", self.package)
        for path in ("usr/bin/credence", "usr/lib/systemd/system/credence.service",
                     "usr/lib/systemd/system/credence-backup.timer", "usr/lib/sysusers.d/credence.conf",
                     "etc/credence/credence.yaml", "usr/share/man/man1/credence.1.gz",
                     "usr/share/doc/credence/copyright", "usr/share/doc/credence/changelog.gz",
                     "usr/share/doc/credence/examples/credence.rules.yaml",
                     "usr/share/bash-completion/completions/credence"):
            self.assertIn(f" ./{path}\n", listed)
        for line in listed.splitlines():
            self.assertIn(" root/root ", line)
        self.assertNotIn("ledger.key", listed)

    def test_it_says_what_it_needs(self):
        depends = self.field("Depends")
        for library in ("libgrpc++", "libprotobuf", "libssl", "libc6", "systemd"):
            self.assertIn(library, depends)
        self.assertEqual(self.field("Package"), "credence")
        self.assertGreater(int(self.field("Installed-Size")), 1000)

    def test_its_configuration_is_kept_when_it_was_changed(self):
        control = self.folder / "control"
        run("dpkg-deb", "-e", self.package, control)
        self.assertEqual((control / "conffiles").read_text(encoding="utf-8"),
                         "/etc/credence/credence.yaml\n")
        for name in ("postinst", "prerm", "postrm"):
            self.assertTrue(os.access(control / name, os.X_OK), name)

    def test_lintian_finds_nothing(self):
        if shutil.which("lintian") is None:
            self.skipTest("lintian is not installed")
        run("lintian", "--allow-root", "--fail-on", "error,warning", self.package)


class Root:
    """A copy of a bare root, worked in by chroot."""

    def __init__(self, test, bare):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="credence-root-"))
        test.addCleanup(shutil.rmtree, self.path, ignore_errors=True)
        run("cp", "-a", f"{bare}/.", self.path)
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")
        for name in ("proc", "dev"):
            run("mount", "--rbind", f"/{name}", self.path / name)
            test.addCleanup(run, "umount", "-l", self.path / name)

    def run(self, *command, **options):
        return run("chroot", self.path, "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C",
                   *command, **options)

    def install(self, package):
        shutil.copy(package, self.path / "tmp")
        self.run("apt-get", "install", "-y", "-q", "--no-install-recommends",
                 f"/tmp/{package.name}")

    def has(self, path):
        return (self.path / path).exists()


class CleanRootTest(unittest.TestCase):
    def setUp(self):
        bare = os.environ.get("CREDENCE_BARE_ROOT")
        if not bare or os.geteuid() != 0:
            self.skipTest("CREDENCE_BARE_ROOT names no root made by debootstrap, or this is not root")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-package-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.old, self.new = make(folder, "0.1.0"), make(folder, "0.1.1")
        self.root = Root(self, bare)
        self.root.run("apt-get", "update", "-q")

    def serve(self):
        process = subprocess.Popen(
            ["chroot", self.root.path, "runuser", "-u", "credence", "--", "credence", "serve",
             "--config", "/etc/credence/credence.yaml", "--listen", "127.0.0.1:0", "--http",
             "127.0.0.1:0", "--port-file", "/var/lib/credence/port"],
            stderr=subprocess.DEVNULL, start_new_session=True)
        port = self.root.path / "var/lib/credence/port"
        limit = time.monotonic() + WAIT_SECONDS
        while not port.exists():
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.05)
        return process, f"127.0.0.1:{port.read_text(encoding='utf-8').strip()}"

    def use(self, source):
        process, endpoint = self.serve()
        try:
            self.root.run("credence", "--endpoint", endpoint, "source", "create", source)
            self.root.run("credence", "--endpoint", endpoint, "backup", "create", "--verify")
            return self.root.run("credence", "--endpoint", endpoint, "ledger", "head")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(WAIT_SECONDS)
            (self.root.path / "var/lib/credence/port").unlink()

    def test_it_is_installed_used_upgraded_and_removed(self):
        root = self.root
        root.install(self.old)
        self.assertIn("credence", (root.path / "etc/passwd").read_text(encoding="utf-8"))
        root.run("install", "-d", "-o", "credence", "-g", "credence", "-m", "700",
                 "/var/lib/credence")
        root.run("runuser", "-u", "credence", "--", "credence", "init", "--data",
                 "/var/lib/credence/ledger", "--origin", "example.org/test")
        self.use("one")
        changed = root.path / "etc/credence/credence.yaml"
        changed.write_text(changed.read_text(encoding="utf-8") + "drain-seconds: 7\n", "utf-8")
        root.install(self.new)
        self.assertIn("0.1.1", root.run("dpkg-query", "-W", "credence"))
        self.assertIn("drain-seconds: 7", changed.read_text(encoding="utf-8"))
        self.use("two")
        root.run("apt-get", "purge", "-y", "-q", "credence")
        self.assertFalse(root.has("usr/bin/credence"))
        self.assertFalse(root.has("etc/credence/credence.yaml"))
        self.assertTrue(root.has("var/lib/credence/ledger/ledger.key"))


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
