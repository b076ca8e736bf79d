"""A series of checkpoint files, kept by Cairn and by the programs that keep files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import processes
import states
import torch

if TYPE_CHECKING:
    from workloads import Bench


def bytes_below(directory: Path) -> int:
    """What a directory takes on the disk: blocks, not lengths."""
    total = 0
    for parent, _, files in os.walk(directory):
        total += sum(os.lstat(os.path.join(parent, name)).st_blocks * 512 for name in files)
    return total


def copy_synced(source: Path, target: Path) -> None:
    """cp, and the copy made durable."""
    subprocess.run(["cp", str(source), str(target)], check=True)
    for path in (target, target.parent):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def drop_cached(path: Path) -> None:
    """Has a file only on the disk, and none of it in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def same(left: Path, right: Path) -> bool:
    """Whether two files have the same bytes."""
    return subprocess.run(["cmp", "-s", str(left), str(right)], check=False).returncode == 0


def only_name(cairn: str, repository: str) -> str:
    """The path of the newest checkpoint in a repository."""
    command = [cairn, "log", "--repo", repository, "--json", "--limit", "1"]
    document = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    entries = document if isinstance(document, list) else document["checkpoints"]
    return str(entries[0]["path"])


class Keeper:
    """A program that keeps versions of a file."""

    def __init__(self, name: str, place: Path, begin: list[list[str]], environment: dict[str, str],
                 save: Callable[[Path, str], list[list[str]]]) -> None:
        self.name = name
        self.place = place
        self._environment = {**os.environ, "HOME": str(place.parent), **environment}
        self._save = save
        self.seconds = 0.0
        for command in begin:
            self._run(command)

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self.place, env=self._environment, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")

    def save(self, file: Path, version: str) -> None:
        """Keeps the file as it is now."""
        start = time.perf_counter()
        for command in self._save(file, version):
            self._run(command)
        self.seconds += time.perf_counter() - start


def keepers(bench: Bench, place: Path, file: Path) -> list[Keeper]:
    """Those that are installed; the others are noted as skipped."""
    found = []

    def directory(name: str) -> Path:
        path = place / name
        path.mkdir()
        return path

    for program, package in (("restic", "apt-get install restic"), ("borg", "apt-get install borgbackup"),
                             ("dvc", "pip install dvc, and git")):
        if shutil.which(program) is None:
            bench.results.skipped.append(f"{program}: not installed ({package})")
    if shutil.which("restic"):
        # Without compression, which would be slower: floats of training hardly compress.
        found.append(Keeper(
            "restic", directory("restic"), [["restic", "init", "--repo", "r"]], {"RESTIC_PASSWORD": "p"},
            lambda file, _: [["restic", "--repo", "r", "--compression", "off", "backup", str(file)]]))
    if shutil.which("borg"):
        found.append(Keeper(
            "borg", directory("borg"), [["borg", "init", "--encryption", "none", "r"]], {},
            lambda file, version: [
                ["borg", "create", "--compression", "none", f"r::{version}", str(file)]]))
    if shutil.which("dvc") and shutil.which("git"):
        dvc = directory("dvc")
        found.append(Keeper(
            "DVC", dvc, [["git", "init", "-q"], ["dvc", "init", "-q"]], {"DVC_NO_ANALYTICS": "1"},
            lambda file, _: [["cp", str(file), "model.ckpt"], ["dvc", "add", "-q", "model.ckpt"]]))
    cairn = directory("cairn")
    found.append(Keeper(
        "Cairn", cairn, [[bench.cairn, "init", "--bare", "r"]], {},
        lambda file, _: [[bench.cairn, "save", "--repo", "r", str(file)]]))
    return found


def sweep(bench: Bench) -> None:
    """8 runs × 10 epochs: a base that never changes, and a head of a 64th of it that always does."""
    place = bench.place("sweep")
    file = place / "last.ckpt"
    kept = keepers(bench, place, file)
    base = states.even(max(bench.mebibytes // 16, 1))
    distinct = sum(tensor.nbytes for tensor in base.values())
    plain = 0
    for run in range(8):
        head = {"head": torch.randn(max(bench.mebibytes * states.MIB // 1024 // 4, 1))}
        for epoch in range(10):
            states.change(head)
            distinct += head["head"].nbytes
            torch.save({"epoch": epoch, "run": run, "state_dict": {**base, **head}}, file)
            plain += file.stat().st_size
            turn = (10 * run + epoch) % len(kept)
            for keeper in kept[turn:] + kept[:turn]:
                keeper.save(file, f"{run}-{epoch}")
    out = place / "restored.ckpt"
    repository = str(place / "cairn" / "r")
    processes.run([bench.cairn, "restore", "--repo", repository, only_name(bench.cairn, repository),
                   "--output", str(out)])
    if not same(file, out):
        raise RuntimeError("sweep: what was restored differs from what was saved")
    numbers = bench.results.numbers
    numbers["sweep: distinct tensor bytes"] = distinct
    numbers["sweep: checkpoints"] = 80
    numbers["sweep: bytes of plain files"] = plain
    for keeper in kept:
        numbers[f"sweep: bytes of {keeper.name}"] = bytes_below(keeper.place) - (
            (keeper.place / "model.ckpt").stat().st_blocks * 512 if keeper.name == "DVC" else 0)
        numbers[f"sweep: seconds of {keeper.name}"] = keeper.seconds
