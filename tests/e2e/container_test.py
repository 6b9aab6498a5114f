"""The image of deploy/Containerfile: container_test.py BUILD_FOLDER

Its last stage is built by buildah on the root that CREDENCE_BARE_ROOT names, made by debootstrap, with
the Debian package of this build in place of the stage that makes one from the sources.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from served import START_SECONDS, STOP_SECONDS, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path()
# What the package and its libraries may add to Debian.
ADDED_BYTES_MAX = 150 << 20
# Without overlays and namespaces, which a container that builds one seldom has.
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}


class ContainerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        bare = os.environ.get("CREDENCE_BARE_ROOT")
        if not bare or os.geteuid() != 0 or shutil.which("buildah") is None:
            raise unittest.SkipTest("CREDENCE_BARE_ROOT names no root made by debootstrap, or "
                                    "buildah is not installed, or this is not root")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-container-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.base_bytes = int(run("du", "-sxb", bare).split()[0])
        cls.base = cls.commit_base(bare)
        cls.image = cls.build_image()

    @classmethod
    def command(cls, *arguments):
        return ["buildah", "--root", str(cls.folder / "root"), "--runroot", str(cls.folder / "run"),
                *map(str, arguments)]

    @classmethod
    def buildah(cls, *arguments):
        done = subprocess.run(cls.command(*arguments), text=True, capture_output=True, check=False,
                              timeout=1200, env=ENVIRONMENT)
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    @classmethod
    def commit_base(cls, bare):
        archive = cls.folder / "bare.tar"
        run("tar", "-C", bare, "-cf", archive, ".")
        container = cls.buildah("from", "scratch")
        cls.buildah("add", container, archive, "/")
        archive.unlink()
        cls.buildah("commit", "-q", "--rm", container, "localhost/debian:12")
        return "localhost/debian:12"

    @classmethod
    def build_image(cls):
        run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.folder / "made", "-G", "DEB",
            cwd=BUILD)
        (cls.folder / "stage/package").mkdir(parents=True)
        made = next((cls.folder / "made").glob("credence_*.deb"))
        shutil.move(made, cls.folder / "stage/package/credence.deb")
        cls.buildah("build", "-q", "--build-arg", f"BASE={cls.base}", "--target", "server",
                    "--build-context", f"build={cls.folder / 'stage'}", "-t", "credence:test",
                    "-f", ROOT / "deploy/Containerfile", ROOT)
        return "localhost/credence:test"

    def setUp(self):
        self.container = self.buildah("from", self.image)
        self.addCleanup(self.buildah, "rm", self.container)

    def test_it_runs_the_program_without_rights(self):
        config = json.loads(self.buildah("inspect", "--type", "image", self.image))["OCIv1"]["config"]
        self.assertEqual(config["User"], "65532:65532")
        self.assertEqual(config["Entrypoint"], ["/usr/bin/credence"])
        self.assertEqual(set(config["ExposedPorts"]), {"7700/tcp", "7701/tcp"})
        self.assertEqual(self.buildah("run", self.container, "--", "id", "-u"), "65532")
        self.assertIn("serve", self.buildah("run", self.container, "--", "credence", "--help"))

    def test_nothing_of_the_build_is_left(self):
        for path in ("/tmp/credence.deb", "/source", "/usr/bin/c++", "/usr/bin/cmake",
                     "/etc/credence/credence.yaml"):
            with self.assertRaises(AssertionError, msg=path):
                self.buildah("run", self.container, "--", "test", "-e", path)
        mounted = self.buildah("mount", self.container)
        size = int(run("du", "-sxb", mounted).split()[0])
        self.assertLess(size - self.base_bytes, ADDED_BYTES_MAX)

    def test_a_ledger_is_made_served_and_backed_up_in_it(self):
        volume = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        os.chown(volume, 65532, 65532)
        within = ("run", "-v", f"{volume}:/var/lib/credence", self.container, "--")
        self.buildah(*within, "credence", "init", "--data", "ledger", "--origin",
                     "example.org/forecasts")
        process = subprocess.Popen(
            self.command(*within, "credence", "serve", "--data", "ledger", "--backup-dir", "backups",
                         "--listen", "127.0.0.1:0", "--port-file", "port", "--http", "127.0.0.1:0"),
            stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        self.addCleanup(process.wait, STOP_SECONDS)
        self.addCleanup(process.terminate)
        limit = time.monotonic() + START_SECONDS
        while not ((volume / "port").exists() and (volume / "port").read_text()):
            self.assertIsNone(process.poll(), "the server ended")
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.05)
        endpoint = f"127.0.0.1:{(volume / 'port').read_text(encoding='utf-8').strip()}"
        self.buildah(*within, "credence", "--endpoint", endpoint, "backup", "create", "--verify")
        self.assertEqual((volume / "ledger").stat().st_uid, 65532)
        self.assertTrue(any((volume / "backups").iterdir()))


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
