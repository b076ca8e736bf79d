"""Builds Cairn's library with the Swift toolchain into the wheel, which then needs none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


class BuildWithLibrary(build_py):
    """Puts the library beside the modules."""

    def run(self) -> None:
        """Builds it, or takes the one that CAIRN_LIBRARY names."""
        super().run()
        if self.editable_mode:
            return  # CAIRN_LIBRARY says where it is
        target = Path(self.build_lib) / "cairn_ckpt"
        target.mkdir(parents=True, exist_ok=True)
        given = os.environ.get("CAIRN_LIBRARY")
        if given:
            shutil.copy(given, target / "libCairnC.so")
            return
        subprocess.run(["sh", str(HERE / "build_native.sh"), str(target)], check=True)
        (target / "cairn.h").unlink(missing_ok=True)


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and every Python 3: ctypes needs no other ABI."""

    def finalize_options(self) -> None:
        """Says that there is a library in it."""
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        """Any Python 3, this platform."""
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        return ("py3", "none", platform)


class LibraryDistribution(Distribution):
    """Not a pure one."""

    def has_ext_modules(self) -> bool:
        """Yes, though it is no extension module."""
        return True


setup(
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
    distclass=LibraryDistribution,
)
