"""Builds the package: what the protos say is written when it is built, and kept nowhere."""

import pathlib
import sys

import setuptools
from setuptools.command.build_py import build_py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import generate  # noqa: E402  (it stands beside this file)


class Build(build_py):
    """Copies the modules, then adds those that are generated."""

    def run(self) -> None:
        super().run()
        generate.generate(pathlib.Path(self.build_lib))


setuptools.setup(cmdclass={"build_py": Build})
