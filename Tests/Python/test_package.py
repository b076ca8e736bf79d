"""The wheel: what is in it, and what it does where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from conftest import PACKAGE

from cairn_ckpt import CairnCheckpointIO, _native


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel around the library that the tests use, which takes minutes to build."""
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "*.so"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation",
               "--disable-pip-version-check", "-w", str(directory), str(source)]
    environment = {**os.environ, "CAIRN_LIBRARY": _native._library_path()}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return next(directory.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that it is installed in."""
    directory = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target",
         str(directory), str(wheel)],
        check=True, timeout=300,
    )
    return directory


def run(code: str, installed: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {key: value for key, value in os.environ.items() if key != "CAIRN_LIBRARY"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300,
        env={**variables, "PYTHONPATH": str(installed), **environment},
    )


def test_what_is_in_it(wheel: Path) -> None:
    assert wheel.name.startswith("cairn_ckpt-") and "-py3-none-linux_" in wheel.name
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"cairn_ckpt/libCairnC.so", "cairn_ckpt/py.typed", "cairn_ckpt/__init__.py"} <= names
    assert not [name for name in names if name.endswith((".sh", ".h", ".pyc"))]


def test_plain_torch_load_needs_no_import(installed: Path, work: Path) -> None:
    CairnCheckpointIO().save_checkpoint({"w": torch.ones(3)}, work / "a.ckpt")
    for weights_only in (True, False):
        code = (
            f"import torch; x = torch.load('a.ckpt', weights_only={weights_only})\n"
            "assert x['w'].sum() == 3"
        )
        result = run(code, installed)
        assert result.returncode == 0, result.stderr
        # The data loader's children, and others that were spawned, import it anew.
        assert "a.ckpt" not in result.stdout


def test_importing_torch_loads_little(installed: Path) -> None:
    code = (
        "import sys, torch\n"
        "loaded = sorted(m for m in sys.modules if m.startswith('cairn_ckpt'))\n"
        "assert loaded == ['cairn_ckpt', 'cairn_ckpt._hook', 'cairn_ckpt._version'], loaded\n"
        "assert 'lightning' not in sys.modules"
    )
    result = run(code, installed)
    assert result.returncode == 0, result.stderr


def test_a_broken_library_does_not_break_importing_torch(installed: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no library")
    code = "import torch, cairn_ckpt; cairn_ckpt.Repository('.')"
    result = run(code, installed, CAIRN_LIBRARY=str(broken))
    assert "cannot load Cairn's library" in result.stderr and "CairnError" in result.stderr


def test_fsspec_knows_the_scheme(installed: Path) -> None:
    result = run("import fsspec; print(fsspec.filesystem('cairn').protocol)", installed)
    assert result.stdout.strip() == "cairn", result.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF")
def test_the_library_exports_its_interface_only() -> None:
    path = _native._library_path()
    output = subprocess.run(
        ["nm", "-D", "--defined-only", path], capture_output=True, text=True, check=True
    ).stdout
    # Lower-case letters are local symbols, which others do not see.
    lines = [line.split() for line in output.splitlines()]
    names = {line[-1] for line in lines if line[-2].isupper()}
    if any(name.startswith("$s") for name in names):
        pytest.skip("a debug build")
    assert names == set(_native._FALLIBLE) | set(_native._OTHERS)
