"""What Cairn should come to, as ratios within one run; each row computed from what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from measuring import Samples
from savers import CAIRN, HASHING, LIGHTNING, PLAIN, TORCH
from workloads import Results


@dataclass
class Bar:
    """One bar, and what was measured."""

    what: str
    unit: str
    value: float
    limit: float
    at_least: bool = False
    best: float | None = None
    """The same of the least times: what a disk in bursts spoils least."""

    @property
    def is_met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def _samples(results: Results, workload: str, name: str = CAIRN) -> Samples | None:
    return results.timings.get(workload, name)


class _Bars:
    def __init__(self, results: Results) -> None:
        self._results = results
        self.found: list[Bar] = []

    def ratio(self, what: str, workload: str, peer: str, limit: float, *, inverse: bool = False) -> None:
        """Cairn's time over a peer's; the other way round if `inverse`, and then at least the limit."""
        ours, theirs = (_samples(self._results, workload, name) for name in (CAIRN, peer))
        if ours is None or theirs is None:
            return
        value, best = ours.median / theirs.median, ours.least / theirs.least
        if inverse:
            value, best = 1 / value, 1 / best
        self.found.append(Bar(what, "×", value, limit, inverse, best))

    def at_most(self, what: str, unit: str, value: float | None, limit: float, best: float | None = None) -> None:
        """A number that has a limit of its own."""
        if value is not None:
            self.found.append(Bar(what, unit, value, limit, best=best))

    def milliseconds(self, what: str, workload: str, limit: float) -> None:
        """Cairn's own time."""
        ours = _samples(self._results, workload)
        if ours is not None:
            self.at_most(what, "ms", ours.median * 1e3, limit, ours.least * 1e3)


def bars(results: Results) -> list[Bar]:
    """Those that the workloads which ran have numbers for."""
    table = _Bars(results)
    numbers = results.numbers
    for name, suffix in (("full", ""), ("bf16", ", bfloat16")):
        new = f"{name}: save, all new"
        table.ratio(f"durable save, all new{suffix}: of torch.save without fsync", new, TORCH, 1.0)
        table.ratio(f"durable save, all new{suffix}: of TorchCheckpointIO", new, LIGHTNING, 0.5)
        table.ratio(
            f"durable save, all new{suffix}: rate, of parallel plain writes with fsync", new, PLAIN, 0.85,
            inverse=True)
        table.ratio(
            f"save, one tenth changed{suffix}: of torch.save", f"{name}: save, one tenth changed", TORCH, 0.33)
        table.ratio(
            f"save, nothing changed{suffix}: of hashing on all cores", f"{name}: save, nothing changed",
            HASHING, 1.15)
        table.ratio(
            f"first save of a process, nothing changed{suffix}: of hashing on all cores",
            f"{name}: first save of a process, nothing changed", HASHING, 1.15)
        mapped = f"{name}: mapped load"
        table.ratio(f"mapped load{suffix}: of torch.load(mmap=True)", mapped, "torch.load(mmap=True)", 2.0)
        table.milliseconds(f"mapped load{suffix}", mapped, 20)
        _copied(table, results, f"{name}: copied load", suffix)
    table.ratio("20,000 tiny tensors, save: of torch.save", "tiny: save, all new", TORCH, 1.0)
    table.ratio("20,000 tiny tensors, load: of torch.load", "tiny: load", "torch.load", 1.0)
    for name, value in numbers.items():
        if name.startswith("memory: "):
            table.at_most(f"extra peak memory, {name[8:]}", "MiB", value / 2**20, 64)
    _sweep(table, numbers)
    history = numbers.get("tiny history: bytes of Cairn")
    if history is not None:
        table.at_most(
            "20,000 tiny tensors × 50 saves, bytes: of torch.save's files", "×",
            history / numbers["tiny history: bytes of torch.save"], 0.25)
    table.ratio("file save: of cp with fsync", "files: save", "cp, fsync", 1.3)
    table.ratio("file restore: of cp with fsync", "files: restore", "cp, fsync", 1.3)
    table.ratio(
        "file restore, from the disk: of cp with fsync, from the disk", "files: restore from the disk", "cp, fsync",
        1.3)
    table.milliseconds("cairn log on a small repository, whole process", "cairn log", 25)
    return table.found


def _copied(table: _Bars, results: Results, workload: str, suffix: str) -> None:
    ours, theirs, hashing = (_samples(results, workload, name) for name in (CAIRN, LIGHTNING, HASHING))
    if ours is None or theirs is None or hashing is None:
        return
    table.at_most(
        f"copied, verified load{suffix}: of TorchCheckpointIO's load and hashing on all cores", "×",
        ours.median / (theirs.median + hashing.median), 1.0, ours.least / (theirs.least + hashing.least))


def _sweep(table: _Bars, numbers: dict[str, float]) -> None:
    ours = numbers.get("sweep: bytes of Cairn")
    if ours is None:
        return
    allowed = 1.02 * numbers["sweep: distinct tensor bytes"] + numbers["sweep: checkpoints"] * 48 * 1024
    table.at_most(
        "sweep of 8 × 10: bytes, of 1.02 × distinct tensor bytes + 48 KiB a checkpoint", "×", ours / allowed, 1.0)
    for name in ("restic", "borg", "DVC"):
        theirs = numbers.get(f"sweep: bytes of {name}")
        if theirs is not None:
            table.at_most(f"sweep of 8 × 10: bytes, of {name}", "×", ours / theirs, 1.0)
