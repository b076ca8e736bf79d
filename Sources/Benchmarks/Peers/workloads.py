"""The workloads: what is saved and loaded by whom, and what is measured of it."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import file_series
import processes
import states
import torch
from measuring import Timings, extra_memory, in_turn
from savers import CAIRN, DCP, HASHING, LIGHTNING, SAFETENSORS, TORCH, TORCH_SYNCED, Savers


@dataclass
class Results:
    """All that was measured."""

    timings: Timings = field(default_factory=Timings)
    numbers: dict[str, float] = field(default_factory=dict)
    """What is no time, or has no peers: bytes, milliseconds, by name."""
    skipped: list[str] = field(default_factory=list)


@dataclass
class Bench:
    """What a workload is run with."""

    directory: Path
    mebibytes: int
    rounds: int
    cairn: str
    results: Results
    blobs: int

    def place(self, name: str) -> Path:
        """A fresh directory for one workload."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path


class Different(Exception):
    """What was loaded is not what was saved."""


def require_equal(what: str, saved: Any, loaded: Any) -> None:
    """Raises unless two states are the same."""
    if not states.equal(saved, loaded):
        raise Different(f"{what}: what was loaded differs from what was saved")


def _checked(workload: str, state: Any) -> Callable[[str, Any], None]:
    def check(name: str, loaded: Any) -> None:
        if name != HASHING:
            require_equal(f"{workload}, {name}", state, loaded)

    return check


def full(bench: Bench, workload: str = "full", dtype: torch.dtype = torch.float32) -> None:
    """All new; one tenth changed; nothing changed; loads of it."""
    savers = Savers(bench.place(workload))
    state = states.even(bench.mebibytes, dtype=dtype)
    timings = bench.results.timings
    for turn in range(bench.rounds):
        states.change(state)
        all_savers = savers.savers(state)
        in_turn(timings, f"{workload}: save, all new", turn, all_savers)
        states.change(state, every=10)
        some = {name: all_savers[name] for name in (CAIRN, TORCH, TORCH_SYNCED) if name in all_savers}
        in_turn(timings, f"{workload}: save, one tenth changed", turn, some)
        some = {name: all_savers[name] for name in (CAIRN, HASHING)}
        in_turn(timings, f"{workload}: save, nothing changed", turn, some)
        if LIGHTNING in all_savers:
            all_savers[LIGHTNING]()
        check = _checked(workload, state)
        _mapped_loads(timings, workload, turn, savers, check, times=9)
        in_turn(timings, f"{workload}: copied load", turn, savers.copying_loaders(state), check)
    _first_save_unchanged(bench, savers, state, workload)


def _mapped_loads(
    timings: Timings, workload: str, turn: int, savers: Savers, check: Callable[[str, Any], None], times: int = 3
) -> None:
    """Several in a round: each is of a few milliseconds, which vary by half."""
    for number in range(times * turn, times * (turn + 1)):
        in_turn(timings, f"{workload}: mapped load", number, savers.mapped_loaders(), check)


def _first_save_unchanged(bench: Bench, savers: Savers, state: Any, workload: str) -> None:
    """Nothing changed, in a process that has not saved before: nothing is remembered of what it hashed."""
    names = {CAIRN: "cairn", HASHING: "hash"}
    for turn in range(bench.rounds):
        def run(kind: str) -> Callable[[], Any]:
            return lambda: processes.in_child(
                lambda: _fresh_save(savers, state) if kind == "cairn" else savers.savers(state)[HASHING]()
            )
        in_turn(
            bench.results.timings, f"{workload}: first save of a process, nothing changed", turn,
            {name: run(kind) for name, kind in names.items()},
        )


def _fresh_save(savers: Savers, state: Any) -> None:
    from cairn_ckpt import CairnCheckpointIO

    plugin = CairnCheckpointIO(repo=savers.directory / "repository")
    plugin.save_checkpoint(state, savers.cairn_path)
    plugin.teardown()


def half_precision(bench: Bench) -> None:
    """The same in bfloat16."""
    full(bench, "bf16", torch.bfloat16)


def _series(
    bench: Bench, workload: str, state: Any, change: Callable[[Any], None],
    peers: tuple[str, ...] = (TORCH, TORCH_SYNCED, LIGHTNING), loads: bool = True,
) -> None:
    """A training's saves: a change, a save by each, a load of it."""
    savers = Savers(bench.place(workload))
    timings = bench.results.timings
    savers.cairn_save(state).whole()
    for turn in range(bench.rounds):
        change(state)
        found = savers.savers(state)
        in_turn(timings, f"{workload}: save", turn, {n: found[n] for n in (CAIRN, *peers) if n in found})
        if loads:
            check = _checked(workload, state)
            _mapped_loads(timings, workload, turn, savers, check)


def cuda(bench: Bench) -> None:
    """A state on a GPU: saved from it, and loaded to it."""
    if not torch.cuda.is_available():
        bench.results.skipped.append("cuda: no GPU")
        return
    savers = Savers(bench.place("cuda"))
    state = {name: tensor.cuda() for name, tensor in states.even(bench.mebibytes).items()}
    peers = (CAIRN, TORCH, TORCH_SYNCED, LIGHTNING, SAFETENSORS, DCP)

    def finished(load: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            loaded = load()
            torch.cuda.synchronize()
            return loaded

        return run

    timings = bench.results.timings
    loaders = {name: finished(load) for name, load in savers.device_loaders().items()}
    for turn in range(bench.rounds):
        states.change(state)
        torch.cuda.synchronize()
        found = savers.savers(state)
        in_turn(timings, "cuda: save, all new", turn, {name: found[name] for name in peers if name in found})
        states.change(state, every=10)
        torch.cuda.synchronize()
        in_turn(timings, "cuda: save, one tenth changed", turn, {name: found[name] for name in (CAIRN, TORCH)})
        in_turn(timings, "cuda: load", turn, loaders, _checked("cuda", state))


def adam(bench: Bench) -> None:
    """Full training with Adam: everything changes."""
    _series(bench, "adam", states.adam(bench.mebibytes), states.change_adam)


def lora(bench: Bench) -> None:
    """0.5 % is trained."""
    _series(bench, "lora", states.lora(bench.mebibytes), states.change_lora, (TORCH, SAFETENSORS, DCP))


def frozen(bench: Bench) -> None:
    """ResNet-18 with a frozen backbone."""
    _series(bench, "resnet18", states.resnet18(), states.change_head, (TORCH, TORCH_SYNCED, SAFETENSORS))


def embedding(bench: Bench) -> None:
    """A table of twice the size, of whose rows 1 % change."""
    for name, scattered in (("block", False), ("scattered", True)):
        state = states.embedding(2 * bench.mebibytes)
        workload = f"embedding, 1 % of rows, {name}"
        _series(bench, workload, state, lambda s: states.change_rows(s, scattered), (TORCH,), loads=False)


def tiny(bench: Bench) -> None:
    """20,000 tiny tensors: time, and the bytes of 50 saves with one tenth changed."""
    savers = Savers(bench.place("tiny"))
    state = states.tiny()
    timings = bench.results.timings
    for turn in range(max(bench.rounds, 5)):
        states.change(state)
        found = savers.savers(state)
        in_turn(timings, "tiny: save, all new", turn, {n: found[n] for n in (CAIRN, TORCH, TORCH_SYNCED)})
        states.change(state, every=10)
        in_turn(timings, "tiny: save, one tenth changed", turn, {n: found[n] for n in (CAIRN, TORCH)})
        loaders = savers.copying_loaders(state)
        del loaders[HASHING], loaders[CAIRN]
        loaders[CAIRN] = savers.mapped_loaders()[CAIRN]
        loaders.pop(LIGHTNING, None)
        in_turn(timings, "tiny: load", turn, loaders, _checked("tiny", state))


def tiny_history(bench: Bench) -> None:
    """50 saves of 20,000 tiny tensors, one tenth changed each: what all of them take."""
    savers = Savers(bench.place("tiny-history"))
    state = states.tiny()
    files = 0
    for number in range(50):
        if number:
            rows = torch.randperm(len(state))[: len(state) // 10].tolist()
            names = list(state)
            states.change({names[row]: state[names[row]] for row in rows})
        savers.repository.save(state, "history")
        if number == 0:
            torch.save(state, savers.torch_path)
            files = savers.torch_path.stat().st_size
    bench.results.numbers["tiny history: bytes of Cairn"] = file_series.bytes_below(
        savers.directory / "repository"
    )
    bench.results.numbers["tiny history: bytes of torch.save"] = 50 * files
    require_equal("tiny history", state, savers.repository.load("history", verify=True))


def memory(bench: Bench) -> None:
    """What saving, loading, exporting and saving a file need on top, at one and four times the size."""
    for times in (1, 4):
        savers = Savers(bench.place("memory"))
        state = states.even(times * bench.mebibytes)
        size = f"{times * bench.mebibytes} MiB"
        numbers = bench.results.numbers
        savers.cairn_save({"w": torch.ones(1)}).whole()
        numbers[f"memory: save of {size}"], _ = extra_memory(savers.cairn_save(state).whole)
        numbers[f"memory: mapped load of {size}"], loaded = extra_memory(
            savers.mapped_loaders()[CAIRN]
        )
        require_equal("memory", state, loaded)
        del loaded
        torch.save(state, savers.torch_path)
        del state
        base = processes.peak([bench.cairn, "--version"])
        repository = str(savers.directory / "repository")
        out = str(savers.directory / "exported.ckpt")
        numbers[f"memory: file save of {size}"] = (
            processes.peak([bench.cairn, "save", "--repo", repository, str(savers.torch_path)]) - base
        )
        name = savers.repository.log()[0]["path"]
        numbers[f"memory: export of {size}"] = (
            processes.peak([bench.cairn, "restore", "--repo", repository, name, "--output", out]) - base
        )
        shutil.rmtree(savers.directory)


def files(bench: Bench) -> None:
    """Saving and restoring a file, beside cp with fsync."""
    place = bench.place("files")
    path, copy, other, out = (place / f"{name}.ckpt" for name in ("model", "copy", "other", "out"))
    repository = str(place / "repository")
    processes.run([bench.cairn, "init", "--bare", repository])
    options = ["--repo", repository, "--quiet"]
    state = states.even(bench.mebibytes)
    for turn in range(bench.rounds):
        states.change(state)
        torch.save(state, path)
        in_turn(bench.results.timings, "files: save", turn, {
            CAIRN: lambda: processes.run([bench.cairn, "save", *options, str(path)]),
            "cp, fsync": lambda: file_series.copy_synced(path, copy),
            # As Cairn does, it keeps what was copied before.
            "cp to a new file, fsync": lambda: file_series.copy_synced(path, other),
        })
        other.unlink()
        name = file_series.only_name(bench.cairn, repository)
        restore = functools.partial(
            processes.run, [bench.cairn, "restore", *options, name, "--force", "--output", str(out)])
        in_turn(bench.results.timings, "files: restore", turn, {
            CAIRN: restore,
            "cp, fsync": lambda: file_series.copy_synced(path, copy),
        })
        # What was saved long ago is in no cache.
        file_series.drop_cached(path)
        for blob in (place / "repository" / "blobs").glob("*/*"):
            file_series.drop_cached(blob)
        in_turn(bench.results.timings, "files: restore from the disk", turn, {
            CAIRN: restore,
            "cp, fsync": lambda: file_series.copy_synced(path, copy),
        })
        if not file_series.same(path, out):
            raise Different("files: what was restored differs from what was saved")


def sweep(bench: Bench) -> None:
    """8 runs of 10 epochs from a shared, frozen base: the bytes that each keeps, and the time for all."""
    file_series.sweep(bench)


def log(bench: Bench) -> None:
    """`cairn log` on a small repository, the whole process."""
    savers = Savers(bench.place("log"))
    for number in range(20):
        savers.repository.save({"w": torch.full((100,), float(number))}, "model", epoch=number)
    command = [bench.cairn, "log", "--repo", str(savers.directory / "repository")]
    for turn in range(max(3 * bench.rounds, 15)):
        in_turn(bench.results.timings, "cairn log", turn, {CAIRN: lambda: processes.run(command)})


def together(bench: Bench) -> None:
    """Eight processes that save at once."""
    processes.eight_at_once(bench)


def lock(bench: Bench) -> None:
    """How long the lock is held in a save of 12,800 blobs, and in its removal."""
    processes.lock_held(bench)


def chunks(bench: Bench) -> None:
    """Chunks of 4 to 64 MiB. Takes long: only where it is asked for."""
    import chunk_sizes

    chunk_sizes.sweep(bench)


def million(bench: Bench) -> None:
    """Saves, loads, `gc` and `verify` among very many blobs. Takes long: only where it is asked for."""
    processes.many_blobs(bench)


ALL: dict[str, Callable[[Bench], None]] = {
    "full": full, "bf16": half_precision, "cuda": cuda, "adam": adam, "lora": lora, "frozen": frozen,
    "embedding": embedding, "tiny": tiny, "tiny-history": tiny_history, "sweep": sweep, "files": files,
    "memory": memory, "log": log, "together": together, "lock": lock, "chunks": chunks,
    "million": million,
}
"""By the names that --only takes."""

UNASKED = {"chunks", "million"}
"""Run only where --only names them."""
