"""Which versions the files of the plugin hold, and when they are freed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from states import state, versions

from cairn_ckpt import CairnCheckpointIO, CairnError, Repository


def test_an_overwritten_file_frees_its_version(work: Path) -> None:
    plugin = CairnCheckpointIO()
    for value in range(3):
        plugin.save_checkpoint(state(value), work / "last.ckpt")
    assert versions(work) == ["last.ckpt@3"]
    assert plugin.load_checkpoint(work / "last.ckpt")["epoch"] == 2


def test_keep_versions(work: Path) -> None:
    for keep, expected in ((2, ["b@4", "b@5"]), (None, ["b@4", "b@5", "b@6", "b@7"])):
        plugin = CairnCheckpointIO(keep_versions=keep)
        for value in range(5 if keep else 2):
            plugin.save_checkpoint(state(value), work / "b")
        assert versions(work) == expected
    CairnCheckpointIO().remove_checkpoint(work / "b")
    assert versions(work) == []
    with pytest.raises(ValueError, match="keep_versions"):
        CairnCheckpointIO(keep_versions=0)


def test_two_who_call_their_file_by_one_path(tmp_path: Path) -> None:
    """As two containers do that share a repository: neither takes the other's weights."""
    repository = Repository.initialize(tmp_path / "shared")
    first, second = CairnCheckpointIO(tmp_path / "shared"), CairnCheckpointIO(tmp_path / "shared")
    path = tmp_path / "workspace" / "last.ckpt"
    first.save_checkpoint(state(1), path)
    os.rename(path, tmp_path / "first's")  # what the first sees at the path, the second does not
    second.save_checkpoint(state(2), path)
    os.rename(path, tmp_path / "second's")
    assert len(repository.log()) == 2
    os.rename(tmp_path / "first's", path)
    first.save_checkpoint(state(3), path)
    assert sorted(record["epoch"] for record in repository.log()) == [2, 3]
    first.remove_checkpoint(path)
    assert second.load_checkpoint(tmp_path / "second's")["epoch"] == 2


def test_removing(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(), work / "a.ckpt")
    os.symlink("a.ckpt", work / "link.ckpt")
    plugin.remove_checkpoint(work / "link.ckpt")
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1
    (work / "folder" / "inner").mkdir(parents=True)
    os.symlink("folder", work / "folder link")
    plugin.remove_checkpoint(work / "folder link")
    assert (work / "folder").is_dir()
    plugin.remove_checkpoint(work / "folder")
    (work / "plain.ckpt").write_bytes(b"x")
    plugin.remove_checkpoint(work / "plain.ckpt")
    os.symlink("nowhere", work / "dangling")
    plugin.remove_checkpoint(work / "dangling")
    plugin.remove_checkpoint(work / "nothing")
    plugin.remove_checkpoint(work / "a.ckpt")
    assert [entry.name for entry in work.iterdir()] == [".cairn"]
    assert versions(work) == []


def test_a_second_hard_link_keeps_the_version(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(), work / "a.ckpt")
    os.link(work / "a.ckpt", work / "b.ckpt")
    plugin.remove_checkpoint(work / "a.ckpt")
    assert plugin.load_checkpoint(work / "b.ckpt")["epoch"] == 1
    plugin.remove_checkpoint(work / "b.ckpt")
    assert versions(work) == []


def test_saving_to_a_link_replaces_it(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    os.symlink("a.ckpt", work / "last.ckpt")
    plugin.save_checkpoint(state(2), work / "last.ckpt")
    assert not (work / "last.ckpt").is_symlink()
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1
    assert plugin.load_checkpoint(work / "last.ckpt")["epoch"] == 2


def test_a_tag_holds_a_version_that_no_pointer_does(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt", {"tags": ["production"]})
    plugin.save_checkpoint(state(2), work / "a.ckpt")
    assert versions(work) == ["a.ckpt@1", "a.ckpt@2"]
    plugin.save_checkpoint(state(3), work / "a.ckpt", {"tags": ["best"]})
    plugin.save_checkpoint(state(4), work / "a.ckpt", {"tags": ["best"]})
    assert versions(work) == ["a.ckpt@1", "a.ckpt@4"]
    plugin.remove_checkpoint(work / "a.ckpt")
    assert Repository(work).load("production")["epoch"] == 1
    assert Repository(work).load("best")["epoch"] == 4


def test_a_failed_pointer_leaves_the_old_one(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails after the commit: what the path names is there."""
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt")

    def fail(*arguments: Any) -> None:
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="no"):
            plugin.save_checkpoint(state(2), work / "a.ckpt")
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1
    assert [entry.name for entry in work.iterdir() if entry.suffix == ".tmp"] == []
    assert versions(work) == ["a.ckpt@1"]


def test_versions_that_were_saved_for_a_file_are_marked(work: Path) -> None:
    """`cairn gc --pointers` goes by that."""
    CairnCheckpointIO().save_checkpoint(state(), work / "a.ckpt")
    CairnCheckpointIO(files="full").save_checkpoint(state(), work / "b.ckpt")
    repository = Repository(work)
    repository.save(state(), "c.ckpt")
    marks = {record["path"]: record["pointer"] for record in repository.log()}
    assert marks == {"a.ckpt": True, "b.ckpt": True, "c.ckpt": False}


def test_a_tag_that_comes_at_the_last_moment(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "last.ckpt")
    repository = Repository(work)
    remove = Repository.remove_ids

    def tagged_first(self: Repository, *arguments: Any, **options: Any) -> dict[str, Any]:
        repository.tag("keep", "last.ckpt@1")
        return remove(self, *arguments, **options)

    monkeypatch.setattr(Repository, "remove_ids", tagged_first)
    plugin.save_checkpoint(state(2), work / "last.ckpt")
    assert versions(work) == ["last.ckpt@1", "last.ckpt@2"]
    plugin.remove_checkpoint(work / "last.ckpt")
    assert versions(work) == ["last.ckpt@1"]
    monkeypatch.undo()
    identifier = repository.log()[0]["id"]
    assert repository.remove_ids([identifier], keep_tagged=True)["removed"] == []
    assert repository.remove_ids([identifier])["removed"] == ["last.ckpt@1"]


def test_a_renamed_version_is_held_by_its_file(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "last.ckpt")
    repository = Repository(work)
    repository.move("last.ckpt", "best")
    assert plugin.load_checkpoint(work / "last.ckpt")["epoch"] == 1
    plugin.save_checkpoint(state(2), work / "last.ckpt")
    assert versions(work) == ["last.ckpt@2"]


def test_a_path_that_is_a_tag_is_refused(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    Repository(work).tag("best", "a.ckpt")
    with pytest.raises(CairnError, match="best: is a tag"):
        plugin.save_checkpoint(state(2), work / "best")
    assert not (work / "best").exists()
    assert versions(work) == ["a.ckpt@1"]
