"""What the size of chunks costs and gives: why storages are cut at 8 MiB by default."""

from __future__ import annotations

import states
from measuring import extra_memory, in_turn
from savers import CAIRN, Savers
from states import MIB
from workloads import Bench, require_equal

SIZES = (4, 8, 16, 32, 64)
"""In MiB."""


def sweep(bench: Bench) -> None:
    """Saves and loads of the same states in repositories that cut storages at other sizes."""
    timings, numbers = bench.results.timings, bench.results.numbers
    savers = {size: Savers(bench.place(f"chunks-{size}"), chunk_size=size * MIB) for size in SIZES}
    state = states.even(bench.mebibytes)

    def save(turn: int, what: str) -> None:
        in_turn(timings, f"chunks: {what}", turn, {
            f"{size} MiB": one.cairn_save(state) for size, one in savers.items()
        })

    for turn in range(bench.rounds):
        states.change(state)
        save(turn, "save, all new")
        states.change(state, every=10)
        save(turn, "save, one tenth changed")
        in_turn(
            timings, "chunks: mapped load", turn,
            {f"{size} MiB": one.mapped_loaders()[CAIRN] for size, one in savers.items()},
            lambda name, loaded: require_equal(name, state, loaded))
        in_turn(timings, "chunks: copied, verified load", turn, {
            f"{size} MiB": (lambda one=one: one.repository.load(one.repository.log()[0]["path"], verify=True))
            for size, one in savers.items()
        })
    for size, one in savers.items():
        states.change(state)
        numbers[f"chunks of {size} MiB: extra memory of a save, MiB"] = (
            extra_memory(one.cairn_save(state).whole)[0] / MIB)
        # Of tensors that are much larger: of each a file, and in a mapped load a mapping.
        numbers[f"chunks of {size} MiB: files, or mappings, for a terabyte"] = 1e12 / (size * MIB)
    del state
    _rows(bench, savers)


def _rows(bench: Bench, savers: dict[int, Savers]) -> None:
    """How much is stored anew of a table of whose rows 1 % change."""
    table = states.embedding(bench.mebibytes)
    changed = table["embedding.weight"].nbytes / 100
    for one in savers.values():
        one.repository.save(table, "table")
    for what, scattered in (("in a block", False), ("here and there", True)):
        states.change_rows(table, scattered)
        for size, one in savers.items():
            record = one.repository.save(table, "table")
            bench.results.numbers[f"chunks of {size} MiB: stored anew, of 1 % of rows that changed {what}, times"] = (
                record["new_bytes"] / changed)
