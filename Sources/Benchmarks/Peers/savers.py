"""The contenders that save and load states in this process."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from cairn_ckpt import CairnCheckpointIO, Repository
from measuring import Unfinished
from states import State, tensors

CAIRN = "Cairn"
TORCH = "torch.save"
TORCH_SYNCED = "torch.save, fsync"
LIGHTNING = "TorchCheckpointIO"
SAFETENSORS = "safetensors"
DCP = "torch.distributed.checkpoint"
PLAIN = "parallel plain writes, fsync"
HASHING = "SHA-256 on all cores"

PIECE = 8 * 2**20


def synced(path: Path) -> None:
    """Makes a file and its name durable, which torch.save does not."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def pieces(state: State) -> list[memoryview]:
    """The bytes of a state's tensors, 8 MiB at a time."""
    found = []
    for tensor in tensors(state):
        flat = tensor.contiguous().view(-1)
        array = memoryview(flat.view(torch.uint8).numpy())
        found += [array[start : start + PIECE] for start in range(0, len(array), PIECE)]
    return found


def on_all_cores(work: Callable[[Any], Any], items: list[Any], threads: int = 0) -> None:
    """Does `work` on each of `items`, on as many threads as there are cores."""
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for _ in pool.map(work, items):
            pass


def hash_all(state: State) -> None:
    """SHA-256 of every 8 MiB: what the content's names cost at least."""
    on_all_cores(lambda piece: hashlib.sha256(piece).digest(), pieces(state))


class PlainWrites:
    """The same bytes as files of 8 MiB, each with fsync, four at once: what the disk takes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def save(self, state: State) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir()

        def write(item: tuple[int, memoryview]) -> None:
            number, piece = item
            descriptor = os.open(self.directory / str(number), os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(descriptor, piece)
            os.fsync(descriptor)
            os.close(descriptor)

        on_all_cores(write, list(enumerate(pieces(state))), threads=4)
        descriptor = os.open(self.directory, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


class Savers:
    """All ways to save a state, and to load what was saved, below one directory."""

    def __init__(self, directory: Path, chunk_size: int | None = None) -> None:
        self.directory = directory
        self.cairn = CairnCheckpointIO(
            repo=Repository.initialize(directory / "repository", chunk_size=chunk_size).path)
        self.repository = Repository(directory / "repository")
        self.cairn_path = directory / "cairn.ckpt"
        self.torch_path = directory / "torch.ckpt"
        self.plain = PlainWrites(directory / "plain")

    def cairn_save(self, state: State) -> Unfinished:
        """Cairn's: whoever asks the repository for anything waits until all is done."""
        return Unfinished(
            lambda: self.cairn.save_checkpoint(state, self.cairn_path), lambda: self.repository.runs())

    def savers(self, state: State) -> dict[str, Callable[[], Any]]:
        """What saves `state`, by name. Each writes anew what the one before it left, as training does."""
        found: dict[str, Callable[[], Any]] = {
            CAIRN: self.cairn_save(state),
            TORCH: lambda: torch.save(state, self.torch_path),
            TORCH_SYNCED: lambda: self._save_synced(state),
            PLAIN: lambda: self.plain.save(state),
            HASHING: lambda: hash_all(state),
        }
        lightning = self._lightning()
        if lightning is not None:
            path = self.directory / "lightning.ckpt"
            found[LIGHTNING] = lambda: lightning.save_checkpoint(state, path)
        if all(isinstance(value, torch.Tensor) for value in state.values()):
            found |= self._safetensors(state)
        found[DCP] = lambda: self._save_distributed(state)
        return found

    def _save_synced(self, state: State) -> None:
        path = self.directory / "synced.ckpt"
        torch.save(state, path)
        synced(path)

    @staticmethod
    def _lightning() -> Any:
        try:
            from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
        except ImportError:
            return None
        return TorchCheckpointIO()

    def _safetensors(self, state: State) -> dict[str, Callable[[], Any]]:
        try:
            from safetensors.torch import save_file
        except ImportError:
            return {}
        return {SAFETENSORS: lambda: save_file(state, self.directory / "state.safetensors")}

    def _save_distributed(self, state: State) -> None:
        import torch.distributed.checkpoint as dcp

        dcp.save(state, checkpoint_id=self.directory / "distributed", no_dist=True)

    def mapped_loaders(self) -> dict[str, Callable[[], Any]]:
        """What loads without reading."""
        return {
            CAIRN: lambda: self.cairn.load_checkpoint(self.cairn_path),
            "torch.load(mmap=True)": lambda: torch.load(self.torch_path, mmap=True),
        }

    def device_loaders(self) -> dict[str, Callable[[], Any]]:
        """What loads each storage to the device that it was saved from."""
        return {
            CAIRN: lambda: self.cairn.load_checkpoint(self.cairn_path, None),
            "torch.load": lambda: torch.load(self.torch_path),
            "torch.load(mmap=True)": lambda: torch.load(self.torch_path, mmap=True),
        }

    def copying_loaders(self, state: State) -> dict[str, Callable[[], Any]]:
        """What loads into memory; Cairn checks every digest."""
        name = self.repository.log()[0]["path"]
        found: dict[str, Callable[[], Any]] = {
            CAIRN: lambda: self.repository.load(name, verify=True),
            "torch.load": lambda: torch.load(self.torch_path),
            HASHING: lambda: hash_all(state),
        }
        lightning = self._lightning()
        if lightning is not None:
            found[LIGHTNING] = lambda: lightning.load_checkpoint(
                self.directory / "lightning.ckpt"
            )
        return found
