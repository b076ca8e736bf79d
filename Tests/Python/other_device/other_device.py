"""Builds and registers the device of ``device.cpp``, which PyTorch then knows as ``other``."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

SOURCE = Path(__file__).with_name("device.cpp")


def compiler() -> str | None:
    """A C++ compiler; None if there is none."""
    return next(filter(None, map(shutil.which, ("g++", "c++", "clang++"))), None)


def build(library: Path) -> None:
    """Compiles the device: it needs no Python headers and no ninja."""
    home = Path(torch.__file__).parent
    abi = int(torch._C._GLIBCXX_USE_CXX11_ABI)
    command = [
        str(compiler()), "-shared", "-fPIC", "-O0", "-w", "-std=c++20",
        f"-D_GLIBCXX_USE_CXX11_ABI={abi}",
        f"-I{home / 'include'}", f"-I{home / 'include/torch/csrc/api/include'}",
        str(SOURCE), "-o", str(library),
        f"-L{home / 'lib'}", "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{home / 'lib'}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def register(library: str) -> None:
    """Makes the device known, for the rest of the process."""
    torch.utils.rename_privateuse1_backend("other")
    torch.ops.load_library(library)
    module: Any = types.ModuleType("torch.other")
    module.is_available = lambda: True
    module.is_initialized = lambda: True
    module.device_count = lambda: 2
    module.current_device = lambda: 0
    module._is_in_bad_fork = lambda: False
    module.manual_seed_all = lambda seed: None
    module.synchronized = 0

    def synchronize() -> None:
        module.synchronized += 1

    @contextlib.contextmanager
    def device(which: Any) -> Iterator[None]:
        yield  # where tensors are made, the device is named

    module.synchronize = synchronize
    module.device = device
    torch._register_device_module("other", module)
    torch.utils.generate_methods_for_privateuse1_backend(for_storage=True)


def copies() -> tuple[int, int, int]:
    """Copies from the device to the host since this was last asked: how many, the bytes of the
    largest, the most at one time."""
    count, largest, most = torch.ops.other_device.statistics()
    return count, largest, most
