"""Changing names, metadata and what there is, in Python."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import torch
from command_line import as_printed, cairn, needs_command_line
from states import state, versions

from cairn_ckpt import BackupDiverged, CheckpointNotFound, InvalidArgument, Repository, RepositoryExists


def test_tags(repository: Repository) -> None:
    repository.save(state(1), "a")
    repository.save(state(2), "a")
    first = repository.tag("best", "a@1")
    assert (first["name"], first["previous"], first["warnings"]) == ("a@1", None, [])
    assert repository.tag("best", "a")["previous"] == "a@1"
    assert repository.load("best")["epoch"] == 2
    assert [(tag["tag"], tag["name"]) for tag in repository.tags()] == [("best", "a@2")]
    assert repository.untag("best")["previous"] == "a@2"
    assert repository.tags() == [] and len(repository.log()) == 2
    with pytest.raises(CheckpointNotFound):
        repository.untag("best")
    with pytest.raises(RepositoryExists):
        repository.tag("a", "a@1")


def test_move(repository: Repository, work: Path) -> None:
    report = repository.save(state(), "a")
    moved = repository.move("a", "b/c")
    assert moved["moved"] == [{"id": report["id"], "from": "a@1", "to": "b/c@1"}]
    assert versions(work) == ["b/c@1"]
    found = repository.checkpoint(report["id"])
    assert found is not None and found["name"] == "b/c@1"
    assert repository.checkpoint("0" * 32) is None
    with pytest.raises(CheckpointNotFound, match="b/c"):
        repository.load("a")


def test_annotate(repository: Repository) -> None:
    repository.save(state(), "a", metrics={"loss": 1}, metadata={"note": "x"})
    report = repository.annotate(
        "a", metrics={"acc": torch.tensor(0.5)}, metadata={"tables": [1, None]},
        unset=["note", "loss"],
    )
    assert report["checkpoint"]["metrics"] == {"acc": 0.5}
    assert repository.log(where="acc = 0.5")[0]["metadata"] == {"tables": [1, None]}
    repository.annotate("a", unset="acc")
    assert repository.resolve("a")["metrics"] == {}
    with pytest.raises(InvalidArgument, match="nothing to change"):
        repository.annotate("a")
    with pytest.raises(InvalidArgument, match="JSON"):
        repository.annotate("a", metadata={"note": torch})


@needs_command_line
def test_prune_plans_what_it_does(repository: Repository, work: Path) -> None:
    for step, loss in enumerate([0.5, 0.1, 0.9, 0.3], 1):
        repository.save(
            {"w": torch.full((100_000,), loss)}, "a", run="r", step=step, metrics={"loss": loss}
        )
    plan = repository.prune(keep_last=1, keep_best="loss", dry_run=True)
    assert as_printed(plan) == cairn("prune", "--keep-last", "1", "--keep-best", "loss", "-n")
    assert {kept["name"]: kept["rules"] for kept in plan["kept"]} == {
        "a@4": ["last"], "a@2": ["best loss"],
    }
    assert len(versions(work)) == 4
    done = repository.prune(keep_last=1, keep_best="loss")
    assert done == {**plan, "dry_run": False} and done["freed_bytes"] >= 800_000
    assert versions(work) == ["a@2", "a@4"]
    assert repository.prune(keep_within=timedelta(days=1))["removed"] == []
    with pytest.raises(InvalidArgument, match="no rule"):
        repository.prune()
    with pytest.raises(InvalidArgument, match="force"):
        repository.prune(keep_tagged=True)
    with pytest.raises(InvalidArgument, match="keep_within"):
        repository.prune(keep_within="soon")
    assert repository.prune(run="r", keep_tagged=True, force=True)["kept"] == []


def test_backup(repository: Repository, work: Path) -> None:
    repository.save(state(1), "a")
    place = work / "backup"
    plan = repository.backup(place, dry_run=True)
    assert plan["dry_run"] and plan["new_files"] > 0 and not place.exists()
    report = repository.backup(place, copy=True)
    assert report["copied_files"] == report["new_files"] == plan["new_files"]
    assert report["problems"] == [] and report["path"] == str(place)
    repository.save(state(2), "a")
    assert repository.backup(str(place))["reused_files"] == report["files"]
    copy = Repository(place)
    assert [row["name"] for row in copy.log()] == ["a@2", "a@1"]
    assert copy.load("a")["epoch"] == 2
    copy.tag("best", "a")
    with pytest.raises(BackupDiverged, match="saved into the backup"):
        repository.backup(place)
    repository.backup(place, force=True)
    assert Repository(place).tags() == []
    with pytest.raises(InvalidArgument, match="is the repository itself"):
        repository.backup(work)
    (work / "other").mkdir()
    (work / "other" / "notes.txt").touch()
    with pytest.raises(RepositoryExists, match="not empty"):
        repository.backup(work / "other")


@needs_command_line
def test_backup_reports_what_the_command_line_prints(repository: Repository, work: Path) -> None:
    repository.save(state(1), "a")
    first = repository.backup(work / "backup")
    assert first["checkpoints"] == 1
    again = repository.backup(work / "backup")
    assert as_printed(again) == cairn("backup", str(work / "backup"))
