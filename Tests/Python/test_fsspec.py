"""Repositories as a filesystem."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from states import plain_state, same
from training import Model, fit, trainer

from cairn_ckpt import CairnError, CairnFileSystem, Repository


@pytest.fixture(autouse=True)
def registered() -> None:
    """As the package's entry point does where it is installed."""
    fsspec.register_implementation("cairn", CairnFileSystem, clobber=True)
    CairnFileSystem.clear_instance_cache()


def test_states_are_read_as_pytorch_files(work: Path, repository: Repository) -> None:
    state = plain_state()
    repository.save(state, "runs/a.ckpt")
    for path in (f"cairn://{work}/runs/a.ckpt", f"cairn://{work}/.cairn/runs/a.ckpt",
                 "cairn://runs/a.ckpt", "cairn://runs/a.ckpt@1"):
        with fsspec.open(path, "rb") as file:
            assert same(torch.load(file), state)


def test_what_is_read_is_what_an_export_gives(
    work: Path, repository: Repository, tmp_path: Path
) -> None:
    state = {**plain_state(), "large": torch.randn(3_000_000)}
    repository.save(state, "runs/a.ckpt")
    repository.restore("runs/a.ckpt", str(tmp_path / "a.ckpt"))
    exported = (tmp_path / "a.ckpt").read_bytes()
    filesystem = fsspec.filesystem("cairn")
    assert filesystem.cat("cairn://runs/a.ckpt") == exported
    assert filesystem.info("cairn://runs/a.ckpt")["size"] == len(exported)
    with filesystem.open("cairn://runs/a.ckpt") as file:
        for start, count in [(0, 10), (len(exported) - 5, 10), (5_000_000, 1), (63, 9_000_000)]:
            file.seek(start)
            assert file.read(count) == exported[start : start + count]


def test_damage_is_noticed_where_it_is_read(work: Path, repository: Repository) -> None:
    repository.save({"a": torch.ones(100_000), "b": torch.zeros(200_000)}, "x")
    largest = max((work / ".cairn/blobs").glob("*/*"), key=lambda file: file.stat().st_size)
    largest.chmod(0o644)
    largest.write_bytes(b"\1" * largest.stat().st_size)
    filesystem = fsspec.filesystem("cairn")
    with filesystem.open("cairn://x") as file:
        # The directory at the end is made from the manifest: it reads nothing of the storages.
        file.seek(-22, 2)
        assert file.read(4) == b"PK\5\6"
        file.seek(0)
        with pytest.raises(CairnError):
            file.read()


def test_writing_adds_versions(work: Path, repository: Repository) -> None:
    for content in (b"one", b"two"):
        with fsspec.open("cairn://x/notes.txt", "wb") as file:
            file.write(content)
    filesystem = fsspec.filesystem("cairn")
    assert filesystem.cat("cairn://x/notes.txt") == b"two"
    assert filesystem.cat("cairn://x/notes.txt@1") == b"one"
    with pytest.raises(RuntimeError), filesystem.transaction:
        with filesystem.open("cairn://x/notes.txt", "wb") as file:
            file.write(b"three")
        raise RuntimeError
    assert len(repository.log()) == 2
    with filesystem.transaction, filesystem.open("cairn://x/notes.txt", "wb") as file:
        file.write(b"four")
    assert filesystem.cat("cairn://x/notes.txt@3") == b"four"


def test_looking_and_removing(work: Path, repository: Repository) -> None:
    filesystem, root = fsspec.core.url_to_fs(f"cairn://{work}")
    for name in ("runs/a", "runs/b", "runs/sub/c", "top"):
        repository.save({"n": name}, name)
    assert [Path(item).name for item in filesystem.ls(f"{root}/runs", detail=False)] == [
        "a", "b", "sub"]
    kinds = {Path(entry["name"]).name: entry["type"] for entry in filesystem.ls(root)}
    assert kinds == {"runs": "directory", "top": "file"}
    assert filesystem.exists(f"{root}/runs") and filesystem.isdir(f"{root}/runs")
    assert filesystem.isfile(f"{root}/top") and not filesystem.exists(f"{root}/none")
    assert filesystem.info(f"{root}/top")["modified"] == filesystem.modified(f"{root}/top")
    assert len(filesystem.find(root)) == 4
    filesystem.makedirs(f"{root}/new", exist_ok=True)
    filesystem.rm(f"{root}/top")
    with pytest.raises(FileNotFoundError):
        filesystem.rm(f"{root}/top")
    with pytest.raises(FileNotFoundError):
        filesystem.open(f"{root}/top", "rb")
    with pytest.raises(IsADirectoryError):
        filesystem.rm(f"{root}/runs")
    filesystem.rm(f"{root}/runs", recursive=True)
    assert repository.log() == []


def test_torchs_plugin_works_on_repository_paths(work: Path, repository: Repository) -> None:
    plugin = TorchCheckpointIO()
    plugin.save_checkpoint(plain_state(), "cairn://a.ckpt")
    assert same(plugin.load_checkpoint("cairn://a.ckpt"), repository.load("a.ckpt"))
    plugin.remove_checkpoint("cairn://a.ckpt")
    assert repository.log() == []


def test_a_trainer_on_repository_paths(work: Path, repository: Repository) -> None:
    from lightning.pytorch.callbacks import ModelCheckpoint

    saver = ModelCheckpoint(dirpath=f"cairn://{work}/runs", monitor="val_loss", save_top_k=2,
                            save_last=True)
    model = fit(trainer(work, 3, callbacks=[saver]))
    assert len(repository.log()) == 3
    loaded = Model.load_from_checkpoint(saver.last_model_path)
    assert same(loaded.state_dict(), model.state_dict())
    resumed = ModelCheckpoint(dirpath=f"cairn://{work}/runs", save_last=True)
    fit(trainer(work, 4, callbacks=[resumed]), ckpt_path=saver.last_model_path)
