"""Which repository the plugin saves into, under which names and runs."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path

import pytest
from states import state, versions

from cairn_ckpt import CairnCheckpointIO, CairnError, Repository, _paths


def test_made_once_in_the_current_directory(
    work: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = CairnCheckpointIO()
    with caplog.at_level(logging.WARNING, "cairn_ckpt"):
        plugin.save_checkpoint(state(), work / "x" / "y" / "a.ckpt")
        plugin.save_checkpoint(state(), work / "x" / "y" / "b.ckpt")
    notices = [record for record in caplog.records if str(work / ".cairn") in record.getMessage()]
    assert len(notices) == 1
    assert (work / ".cairn" / ".gitignore").read_text() == "*\n"
    assert versions(work) == ["x/y/a.ckpt@1", "x/y/b.ckpt@1"]


def test_made_in_the_checkpoints_directory(tmp_path: Path, work: Path) -> None:
    CairnCheckpointIO().save_checkpoint(state(), tmp_path / "away" / "a.ckpt")
    assert (tmp_path / "away" / ".cairn" / "cairn.json").exists()
    assert not (work / ".cairn").exists()


def test_found_above_named_by_variable_or_argument(
    tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Repository.initialize(tmp_path / ".cairn")
    CairnCheckpointIO().save_checkpoint(state(), work / "a.ckpt")
    assert versions(tmp_path) == ["work/a.ckpt@1"]
    Repository.initialize(tmp_path / "other")
    monkeypatch.setenv("CAIRN_REPO", str(tmp_path / "other"))
    CairnCheckpointIO().save_checkpoint(state(), work / "b.ckpt")
    assert versions(tmp_path / "other") == [f"{work}/b.ckpt@1"]
    CairnCheckpointIO(repo=tmp_path / "third" / "r").save_checkpoint(state(), work / "c.ckpt")
    assert versions(tmp_path / "third" / "r") == [f"{work}/c.ckpt@1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory to another user")
def test_a_found_repository_of_somebody_else_is_refused(tmp_path: Path, work: Path) -> None:
    Repository.initialize(tmp_path / ".cairn")
    os.chown(tmp_path / ".cairn", 65534, 65534)
    with pytest.raises(CairnError, match="trust"):
        CairnCheckpointIO().save_checkpoint(state(), work / "a.ckpt")


def test_many_processes_make_one_repository(work: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_save_one, args=(str(work), n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(versions(work)) == 4
    leftovers = [entry.name for entry in work.iterdir() if entry.name.endswith(".tmp")]
    assert leftovers == []


def _save_one(directory: str, number: int) -> None:
    os.chdir(directory)
    CairnCheckpointIO().save_checkpoint(state(number), f"{number}.ckpt")


@pytest.mark.parametrize("name", ["exp@2", "exp%402", "exp%25402", "a@2.ckpt", "x@", "ü 1"])
def test_names_are_taken_literally(work: Path, name: str) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(3), work / name)
    assert plugin.load_checkpoint(work / name)["epoch"] == 3
    plugin.remove_checkpoint(work / name)
    assert versions(work) == []


def test_escaping_never_makes_two_names_one() -> None:
    names = ["exp@2", "exp%402", "exp%25402", "exp%2525402", "exp@02", "exp"]
    escaped = [_paths.escaped(name) for name in names]
    assert len(set(escaped)) == len(names)
    assert not any(name.rpartition("@")[2].isdigit() and "@" in name for name in escaped)


def test_the_run_is_that_of_the_directory_and_a_resumed_one_goes_on(work: Path) -> None:
    first = CairnCheckpointIO()
    place = work / "logs" / "version_0" / "checkpoints"
    first.save_checkpoint(state(1), place / "a.ckpt")
    record = Repository(work).resolve("logs/version_0/checkpoints/a.ckpt")
    assert record["run"] == "logs/version_0"
    second = CairnCheckpointIO()
    second.load_checkpoint(place / "a.ckpt")
    place = work / "logs" / "version_1" / "checkpoints"
    second.save_checkpoint(state(2), place / "b.ckpt")
    second.save_checkpoint(state(3), place / "c.ckpt")
    log = {entry["path"].rpartition("/")[2]: entry for entry in Repository(work).log()}
    assert log["b.ckpt"]["run"] == log["c.ckpt"]["run"] == "logs/version_0"
    assert log["b.ckpt"]["parent"] == log["a.ckpt"]["id"]
    assert log["c.ckpt"]["parent"] == log["b.ckpt"]["id"]
