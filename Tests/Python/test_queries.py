"""Questions to a repository in Python: the answers are the command line's, as plain values."""

from __future__ import annotations

import json
import math
import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import as_printed, cairn, needs_command_line

from cairn_ckpt import CheckpointNotFound, InvalidArgument, Records, Repository, Stopped

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT "


@pytest.fixture
def filled(repository: Repository) -> Repository:
    """A repository with a sweep of two runs."""
    frozen = torch.arange(50_000, dtype=torch.float32)
    for run, rate in (("sweep-1", 0.1), ("sweep-2", 0.2)):
        for step in (100, 200, 300):
            state = {
                "backbone": frozen, "head": torch.full((1000,), step * rate),
                "count": torch.tensor(step), "global_step": step, "epoch": step // 100,
            }
            if step == 300:
                state["head"][:3] = torch.tensor([math.nan, math.inf, 0.0])
                state["extra"] = torch.ones(5, dtype=torch.bfloat16)
            repository.save(
                state, f"{run}/last.ckpt", run=run, metrics={"val_loss": rate * 100 / step},
                metadata={"lr": rate, "tables": {"a": [1, {"b": None}]}},
                run_metadata={"project": "p"},
            )
    repository.tag("best", "sweep-1/last.ckpt@2")
    repository.remove("sweep-2/last.ckpt@1")
    return repository


@needs_command_line
def test_lists_are_the_command_lines(filled: Repository) -> None:
    log = filled.log(shared=True)
    assert as_printed(log) == cairn("log")["checkpoints"] and len(log) == 5
    assert type(log[0]["metrics"]["val_loss"]) is float
    where = "val_loss < 0.06 and run like 'sweep-%' and lr >= 0.1"
    found = filled.log(where=where, sort="-val_loss", limit=3, shared=True)
    assert as_printed(found) == cairn(
        "log", "--where", where, "--sort", "-val_loss", "--limit", "3"
    )["checkpoints"]
    assert [record["step"] for record in found] == [200, 300]
    assert [r["name"] for r in filled.log("sweep-1/last.ckpt@1", "nowhere")] == [
        "sweep-1/last.ckpt@1"
    ]
    assert "shared_bytes" not in filled.log()[0]
    assert as_printed(filled.runs()) == cairn("runs")["runs"]
    assert filled.runs(1)[0]["name"] == "sweep-2" and len(filled.runs(1)) == 1
    assert as_printed(filled.tags()) == cairn("tag")["tags"] and len(filled.tags()) == 1
    assert as_printed(filled.removed()) == cairn("log", "--removed")["removed"]
    assert [removal["name"] for removal in filled.removed()] == ["sweep-2/last.ckpt@1"]


@needs_command_line
def test_sizes_are_the_command_lines(filled: Repository) -> None:
    def without_blocked(found: dict[str, Any]) -> Any:
        return as_printed({name: value for name, value in found.items() if name != "blocked"})

    assert without_blocked(filled.du()) == cairn("du")
    assert without_blocked(filled.du("best", versions=True)) == cairn("du", "best", "--versions")
    assert filled.du()["blocked"] is False
    assert without_blocked(filled.stats("run")) == cairn("stats", "--by", "run")
    assert as_printed(filled.stats("tensor-prefix", depth=2)) == cairn(
        "stats", "--by", "tensor-prefix", "--depth", "2"
    )
    stats = cairn("stats")
    growth = filled.growth()
    assert growth["seconds"] == stats["growth"]["seconds"]
    assert growth["points"][-1]["stored_bytes"] == stats["growth"]["points"][-1]["stored_bytes"]
    del stats["growth"]
    assert as_printed(filled.stats()) == stats
    assert stats["verified"] == []
    cairn("verify")
    assert filled.stats()["verified"] == cairn("stats")["verified"] != []
    with pytest.raises(InvalidArgument, match="tensor-prefix"):
        filled.stats("run", depth=2)
    with pytest.raises(CheckpointNotFound):
        filled.du("nothing")


@needs_command_line
def test_diff_is_the_command_lines(filled: Repository, work: Path) -> None:
    a, b = "sweep-1/last.ckpt@2", "sweep-1/last.ckpt"
    assert as_printed(filled.diff(a, b)) == cairn("diff", a, b)
    found = filled.diff(a, b, values=True)
    assert as_printed(found) == cairn("diff", a, b, "--values")
    changes = {tensor["name"]: tensor for tensor in found["tensors"]}
    assert changes["extra"]["change"] == "added" and changes["extra"]["a"] is None
    assert changes["head"]["values"]["new_nan"] == 1
    assert type(changes["head"]["values"]["max_abs"]) is float
    assert found["unchanged"] == 1 and "backbone" not in changes
    assert [t["name"] for t in filled.diff(a, b, only="h*")["tensors"]] == ["head"]
    assert filled.diff("best", a)["different"] is False

    # A file that is not saved; one whose name is a checkpoint's as well.
    file = work / "sweep-1" / "last.ckpt"
    file.parent.mkdir()
    torch.save({"head": torch.zeros(1000), "backbone": torch.zeros(2)}, file)
    assert filled.diff("sweep-1/last.ckpt", b)["different"] is False
    against = filled.diff(file, b, values=True)
    assert as_printed(against) == cairn("diff", "./sweep-1/last.ckpt", b, "--values")
    assert {t["name"]: t["change"] for t in against["tensors"]}["backbone"] == "reshaped"
    assert filled.diff(Path("sweep-1/last.ckpt"), file)["different"] is False
    with pytest.raises(CheckpointNotFound, match="nowhere"):
        filled.diff("nowhere", b)


@needs_command_line
def test_a_tensors_values(filled: Repository) -> None:
    found = filled.summary("sweep-1/last.ckpt", "he*")
    assert as_printed(found) == cairn("cat", "sweep-1/last.ckpt", "head")
    assert (found["nan"], found["inf"], found["zeros"], found["max"]) == (1, 1, 1, 30.0)
    assert sum(part["count"] for part in found["histogram"]) == 998
    with pytest.raises(CheckpointNotFound, match="haed"):
        filled.summary("best", "haed")


@needs_command_line
def test_find_is_the_command_lines(filled: Repository, work: Path) -> None:
    found = filled.find("*ead")
    assert as_printed(found) == cairn("find", "*ead")
    assert len(found["tensors"]) == 5 and found["cut_short"] is False
    backbone = filled.find("backbone")["tensors"][0]
    assert (backbone["checkpoints"], backbone["first"]["name"]) == (5, "sweep-1/last.ckpt@1")
    digest = backbone["digest"]
    assert as_printed(filled.find(digest[:10])) == cairn("find", digest[:10])
    assert filled.find(digest)["digest"]["checkpoint_count"] == 5
    assert filled.find("0" * 64, kind="digest") == {"digest": None}
    assert filled.find("nothing") == {"tensors": [], "cut_short": False}

    # A file that was saved, under another name; one that shares its backbone; what is a name too.
    file = work / "model.ckpt"
    filled.restore("sweep-1/last.ckpt@2", file)
    torch.save({"body": torch.arange(50_000, dtype=torch.float32)}, work / "backbone")
    assert as_printed(filled.find("model.ckpt")) == cairn("find", "model.ckpt")
    assert filled.find(file)["file"]["shares"][0]["checkpoint"]["name"] == "sweep-1/last.ckpt@2"
    assert filled.find(Path("backbone"))["file"]["checkpoint_count"] == 5
    assert len(filled.find("backbone", kind="name")["tensors"]) == 1
    with pytest.raises(OSError):
        filled.find(Path("missing"))


@needs_command_line
def test_tensors_and_blame_are_the_command_lines(filled: Repository) -> None:
    name = "sweep-1/last.ckpt"
    assert as_printed(filled.tensors(name, shared=True)) == cairn("ls", name)["tensors"]
    some = filled.tensors(name, "*o*", shared=True)
    assert as_printed(some) == cairn("ls", name, "*o*")["tensors"]
    listed = filled.tensors("best", shared=True)
    others = {entry["name"]: entry["other_checkpoints"] for entry in listed}
    assert (others["backbone"], others["head"]) == (4, 0)
    plain = filled.tensors(name, "*o*")
    assert {entry["name"] for entry in plain} == {"backbone", "count"}
    assert all(entry["storage"] is not None for entry in plain)
    assert as_printed(filled.blame(name, "head")) == cairn("blame", name, "head")["changes"]
    assert [change["change"] for change in filled.blame(name, "extra")] == ["added"]
    assert len(filled.blame(f"{name}@2", "head")) == 2
    with pytest.raises(CheckpointNotFound):
        filled.blame(name, "nothing")


@needs_command_line
def test_sql_is_the_command_lines(filled: Repository) -> None:
    sql = "SELECT c.*, x.value FROM checkpoints c JOIN metrics x ON x.checkpoint_id = c.id"
    printed = cairn("query", sql)
    found = filled.query(sql)
    assert as_printed(found) == printed and len(found) == 5
    assert [view["name"] for view in filled.views()] == [
        view["name"] for view in cairn("query", "--views")["views"]
    ]
    assert found.columns[:2] == ["checkpoint", "id"]
    twice = "SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS a"
    assert filled.query(twice) == cairn("query", twice)


def test_sql_that_takes_much_memory_is_stopped(repository: Repository) -> None:
    with pytest.raises(Stopped, match="too much memory"):
        repository.query(ENDLESS + "hex(randomblob(5000)) AS r FROM c ORDER BY r", timeout=20)
    assert repository.query("SELECT 1 AS one") == [{"one": 1}]


def test_values_of_sql(repository: Repository) -> None:
    given = [None, -(2**63), 2**63 - 1, 1.0, 0.1, -math.inf]
    given += ["ä\u2028\U0001f600\n\"\\", b"\0\xff", "", b""]
    marks = ", ".join("?" * len(given))
    row = list(repository.query(f"VALUES ({marks})", *given)[0].values())
    assert row == given and [type(value) for value in row] == [type(value) for value in given]
    plain = repository.query("SELECT ?, ?, ?, typeof(?)", True, torch.tensor(3), math.nan, 2.0)[0]
    assert list(plain.values()) == [1, 3, None, "real"]
    assert repository.query("SELECT 1 AS one WHERE 0") == []
    assert repository.query("SELECT 1 AS one WHERE 0").columns == ["one"]
    for bad in (2**63, object(), "\ud800"):
        with pytest.raises((InvalidArgument, TypeError)):
            repository.query("SELECT ?", bad)


def test_sql_only_reads_and_ends(filled: Repository) -> None:
    for sql in ("DELETE FROM tag", "PRAGMA user_version = 1", "ATTACH 'x' AS x", "", "\0"):
        with pytest.raises(InvalidArgument):
            filled.query(sql)
    with pytest.raises(InvalidArgument, match="checkpoints has checkpoint") as wrong:
        filled.query("SELECT 'é', chekpoint FROM checkpoints")
    assert wrong.value.offset == 12
    with pytest.raises(InvalidArgument) as wrong:
        filled.log(where="'é' = run && step")
    assert wrong.value.offset == 10
    with pytest.raises(Stopped, match="0.2 s"):
        filled.query(ENDLESS + "max(x) FROM c", timeout=0.2)
    with pytest.raises(Stopped, match="100000 bytes"):
        filled.query(ENDLESS + "x FROM c", max_bytes=100_000)


def test_a_signal_stops_a_query(filled: Repository) -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        filled.query(ENDLESS + "max(x) FROM c", timeout=None)
    assert time.monotonic() - begun < 30
    assert len(filled.log()) == 5


def test_records_are_plain_lists(filled: Repository) -> None:
    records = filled.log()
    assert isinstance(records, list) and isinstance(records[:2], Records)
    assert json.loads(json.dumps(records)) == records == pickle.loads(pickle.dumps(records))
    assert records[:2] == [records[0], records[1]]


def test_to_pandas(filled: Repository) -> None:
    pandas = pytest.importorskip("pandas")
    filled.save({"w": torch.ones(1)}, "loose", run="sweep-1")
    frame = filled.log().to_pandas()
    assert list(frame.columns[:4]) == ["name", "run", "step", "epoch"]
    assert frame["metrics.val_loss"].min() == pytest.approx(0.1 / 3)
    assert frame["step"].dtype == "Int64" and frame["step"].isna().sum() == 1
    assert frame["metadata.lr"].max() == 0.2
    frame = filled.query("SELECT step, 9007199254740993 AS big FROM checkpoints").to_pandas()
    assert frame["big"].tolist() == [9007199254740993] * 6 and frame["step"].dtype == "Int64"
    empty = filled.query("SELECT checkpoint, step FROM checkpoints WHERE 0").to_pandas()
    assert list(empty.columns) == ["checkpoint", "step"] and len(empty) == 0
    changes = filled.diff("sweep-1/last.ckpt@2", "sweep-1/last.ckpt", values=True)["tensors"]
    columns = list(changes.to_pandas().columns)
    assert {"change", "name", "a.dtype", "b.dtype", "values.max_abs"} <= set(columns)
    assert "values" not in columns
    assert list(pandas.DataFrame(filled.runs())["name"]) == ["sweep-2", "sweep-1"]


def test_without_pandas_it_says_so(filled: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        filled.runs().to_pandas()
