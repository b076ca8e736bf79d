"""CairnCheckpointIO as a CheckpointIO: what it takes, gives back and refuses."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO as FabricCheckpointIO
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO as OtherCheckpointIO
from states import WEIGHTS_ONLY_BY_DEFAULT, any_state, plain_state, same, state

from cairn_ckpt import CairnCheckpointIO, Repository, _pointer


def test_both_lightnings_take_it() -> None:
    plugin = CairnCheckpointIO()
    for interface in (FabricCheckpointIO, OtherCheckpointIO):
        assert isinstance(plugin, interface) and issubclass(CairnCheckpointIO, interface)
    members = {name for name in vars(FabricCheckpointIO) if not name.startswith("__")}
    for name in members - {"_abc_impl"}:
        assert name in vars(CairnCheckpointIO), name
    assert plugin.requires_cpu_collectives is False
    assert plugin.requires_state_on_load is False
    assert plugin._restore_after_setup is False


def test_same_result_as_torchs_plugin(work: Path) -> None:
    ours, torchs = CairnCheckpointIO(), TorchCheckpointIO()
    content = any_state()
    ours.save_checkpoint(content, work / "ours.ckpt")
    torchs.save_checkpoint(content, work / "torchs.ckpt")
    loaded = ours.load_checkpoint(work / "ours.ckpt", weights_only=False)
    assert same(loaded, torchs.load_checkpoint(work / "torchs.ckpt", weights_only=False))
    # Before 2.6, None means False.
    for weights_only in (None, True) if WEIGHTS_ONLY_BY_DEFAULT else (True,):
        errors = []
        for plugin, name in ((ours, "ours"), (torchs, "torchs")):
            with pytest.raises(pickle.UnpicklingError) as error:
                plugin.load_checkpoint(work / f"{name}.ckpt", weights_only=weights_only)
            errors.append(str(error.value))
        assert errors[0] == errors[1]


@pytest.mark.parametrize("force", ["TORCH_FORCE_WEIGHTS_ONLY_LOAD",
                                   "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"])
@pytest.mark.parametrize("weights_only", [None, False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_forced(
    work: Path, monkeypatch: pytest.MonkeyPatch, force: str, weights_only: Any, plain: bool
) -> None:
    ours, torchs = CairnCheckpointIO(), TorchCheckpointIO()
    content = plain_state() if plain else any_state()
    ours.save_checkpoint(content, work / "ours.ckpt")
    torchs.save_checkpoint(content, work / "torchs.ckpt")
    monkeypatch.setenv(force, "1")
    results: list[Any] = []
    for plugin, name in ((ours, "ours"), (torchs, "torchs")):
        try:
            results.append(plugin.load_checkpoint(work / f"{name}.ckpt", weights_only=weights_only))
        except pickle.UnpicklingError as error:
            results.append(str(error))
    assert same(results[0], results[1])


def test_what_is_refused_is_loaded_once(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(any_state(), work / "a.ckpt")
    moved: list[str] = []

    def to_cpu(storage: Any, location: str) -> Any:
        moved.append(location)
        return storage

    with pytest.raises(pickle.UnpicklingError):
        plugin.load_checkpoint(work / "a.ckpt", to_cpu, weights_only=True)
    once = len(moved)
    torch.save(any_state(), work / "torch.pt")
    moved.clear()
    with pytest.raises(pickle.UnpicklingError):
        torch.load(work / "torch.pt", to_cpu, weights_only=True)
    assert once == len(moved)


@pytest.mark.skipif(not WEIGHTS_ONLY_BY_DEFAULT, reason="before 2.6 torch knew one of the two")
def test_forced_both_ways(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(plain_state(), work / "a.ckpt")
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(RuntimeError, match="Only one of"):
        plugin.load_checkpoint(work / "a.ckpt")


def test_map_location_none_means_as_saved(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(), work / "a.ckpt")
    assert plugin.load_checkpoint(work / "a.ckpt", None)["w"].device.type == "cpu"
    assert plugin.load_checkpoint(work / "a.ckpt", "meta")["w"].device.type == "meta"
    assert plugin.load_checkpoint(work / "a.ckpt", {"cpu": "meta"})["w"].device.type == "meta"


def test_state_is_loaded_into(work: Path) -> None:
    plugin = CairnCheckpointIO()
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    content = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": 7}
    plugin.save_checkpoint(content, work / "a.ckpt")
    other = torch.nn.Linear(3, 2)
    memory = other.weight.data_ptr()
    target: dict[str, Any] = {"model": other, "step": 0}
    rest = plugin.load_checkpoint(work / "a.ckpt", state=target)
    assert same(other.state_dict(), model.state_dict()) and other.weight.data_ptr() == memory
    assert target["step"] == 7 and list(rest) == ["optimizer"]
    # A dictionary of state dictionaries, as the newest Fabric gives: written into their tensors.
    third = torch.nn.Linear(3, 2)
    target = {"model": third.state_dict(), "optimizer": {}, "step": 0}
    assert plugin.load_checkpoint(work / "a.ckpt", state=target) is None
    assert same(third.state_dict(), model.state_dict())
    plugin.save_checkpoint(model.state_dict(), work / "m.ckpt")
    assert plugin.load_checkpoint(work / "m.ckpt", state=torch.nn.Linear(3, 2)) is None
    assert plugin.load_checkpoint(work / "m.ckpt", state={}).keys() == model.state_dict().keys()


def test_storage_options(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(), work / "a.ckpt", {
        "run": "r", "tags": ["best"], "metrics": {"loss": torch.tensor(0.25)},
        "metadata": {"who": "me"}, "keep_versions": 3,
    })
    record = Repository(work).resolve("best")
    assert record["run"] == "r" and record["metrics"] == {"loss": 0.25}
    assert record["metadata"]["who"] == "me"
    for wrong in ({"colour": 1}, "text", ["run"]):
        with pytest.raises(TypeError):
            plugin.save_checkpoint(state(), work / "a.ckpt", wrong)


def test_files_that_are_no_pointers_load_as_before(work: Path) -> None:
    plugin = CairnCheckpointIO()
    torch.save(state(4), work / "plain.ckpt")
    torch.save(state(5), work / "legacy.ckpt", _use_new_zipfile_serialization=False)
    assert plugin.load_checkpoint(work / "plain.ckpt")["epoch"] == 4
    assert plugin.load_checkpoint(work / "legacy.ckpt")["epoch"] == 5
    with pytest.raises(FileNotFoundError, match="Checkpoint file not found"):
        plugin.load_checkpoint(work / "none.ckpt")
    with pytest.raises(IsADirectoryError):
        plugin.load_checkpoint(work)


def test_teardown_often_or_never(work: Path) -> None:
    plugin = CairnCheckpointIO()
    for value in range(3):
        plugin.save_checkpoint(state(value), work / "a.ckpt")
        plugin.teardown()
        plugin.teardown()
        assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == value


def test_pickles_and_deep_copies(work: Path) -> None:
    plugin = CairnCheckpointIO(repo=work / "r", run="x", keep_versions=2, files="full")
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    for again in (pickle.loads(pickle.dumps(plugin)), copy.deepcopy(plugin)):
        assert (again.run, again.keep_versions, again.files) == ("x", 2, "full")
        again.save_checkpoint(state(2), work / "b.ckpt")
        assert again.load_checkpoint(work / "b.ckpt")["epoch"] == 2


def test_distributed_tensors_are_refused(work: Path) -> None:
    distributed = pytest.importorskip("torch.distributed")
    from torch.distributed.device_mesh import init_device_mesh
    tensors = pytest.importorskip("torch.distributed.tensor")
    if not hasattr(tensors, "distribute_tensor"):
        pytest.skip("public since PyTorch 2.5")

    from cairn_ckpt import UnsupportedState

    store = distributed.FileStore(str(work / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        tensor = tensors.distribute_tensor(torch.ones(4), mesh, [tensors.Shard(0)])
        with pytest.raises(UnsupportedState, match="full_tensor"):
            CairnCheckpointIO().save_checkpoint({"w": tensor}, work / "a.ckpt")
        assert not (work / "a.ckpt").exists()
    finally:
        distributed.destroy_process_group()
        # A child forked by a later test that collected the group would wait for its threads for ever.
        mesh = tensor = None
        gc.collect()


def test_urls(work: Path, caplog: pytest.LogCaptureFixture) -> None:
    plugin = CairnCheckpointIO()
    with caplog.at_level(logging.WARNING, "cairn_ckpt"):
        for name in ("memory://x/a.ckpt", "memory://x/b.ckpt"):
            plugin.save_checkpoint(state(9), name)
            assert plugin.load_checkpoint(name)["epoch"] == 9
            plugin.remove_checkpoint(name)
            with pytest.raises(FileNotFoundError):
                plugin.load_checkpoint(name)
    assert sum("memory://" in record.getMessage() for record in caplog.records) <= 1
    plugin.save_checkpoint(state(2), f"file://{work}/u.ckpt")
    assert plugin.load_checkpoint(f"file://{work}/u.ckpt")["epoch"] == 2
    assert _pointer.read(str(work / "u.ckpt")) is not None


def test_repository_paths(work: Path, repository: Repository) -> None:
    plugin = CairnCheckpointIO()
    for path in (f"cairn://{work}/.cairn/runs/a.ckpt", "cairn://runs/b.ckpt"):
        for value in (1, 2):
            plugin.save_checkpoint(state(value), path)
        assert plugin.load_checkpoint(path)["epoch"] == 2
        assert len(repository.log()) == 1
        plugin.remove_checkpoint(path)
        assert repository.log() == []
