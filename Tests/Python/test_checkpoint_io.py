"""CairnCheckpointIO by itself: what it leaves, frees, gives back and refuses."""

from __future__ import annotations

import copy
import logging
import multiprocessing
import os
import pickle
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO as FabricCheckpointIO
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO as OtherCheckpointIO
from states import any_state, plain_state, same

from cairn_ckpt import CairnCheckpointIO, CairnError, Repository, _paths, _pointer


def state(value: float = 1.0) -> dict[str, Any]:
    return {"w": torch.full((1000,), value), "epoch": int(value)}


def versions(where: Path) -> list[str]:
    return sorted(record["name"] for record in Repository(where).log())


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
    for weights_only in (None, True):
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


# Where the repository is


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


# Runs


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


def test_a_hand_over_between_processes_is_no_checkpoint(tmp_path: Path) -> None:
    plugin = CairnCheckpointIO()
    path = tmp_path / "hand over" / ".temp.ckpt"
    plugin.save_checkpoint(state(6), path)
    assert plugin.load_checkpoint(path)["epoch"] == 6
    plugin.remove_checkpoint(path)
    assert list(path.parent.iterdir()) == []


# Files


def test_full_files(work: Path) -> None:
    plugin = CairnCheckpointIO(files="full")
    content = any_state()
    for _ in range(2):
        plugin.save_checkpoint(content, work / "a.ckpt")
    assert same(torch.load(work / "a.ckpt", weights_only=False), content)
    assert same(torch.load(work / "a.ckpt", weights_only=False, mmap=True), content)
    assert (work / "a.ckpt").stat().st_size > 1_000_000
    assert _pointer.read(str(work / "a.ckpt")) is None
    assert versions(work) == ["a.ckpt@2"]
    assert same(plugin.load_checkpoint(work / "a.ckpt", weights_only=False), content)
    plugin.remove_checkpoint(work / "a.ckpt")
    assert versions(work) == []
    with pytest.raises(ValueError, match="files"):
        CairnCheckpointIO(files="both")


def test_modes_follow_the_umask(work: Path) -> None:
    old = os.umask(0o027)
    try:
        CairnCheckpointIO().save_checkpoint(state(), work / "a.ckpt")
        CairnCheckpointIO(files="full").save_checkpoint(state(), work / "b.ckpt")
    finally:
        os.umask(old)
    for name in ("a.ckpt", "b.ckpt"):
        assert stat.S_IMODE((work / name).stat().st_mode) == 0o640


def test_temporaries_are_not_taken_for_checkpoints(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    replace = os.replace

    def spy(source: Any, target: Any) -> None:
        seen.append(os.path.basename(os.fspath(source)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    for files in ("pointer", "full"):
        CairnCheckpointIO(files=files).save_checkpoint(state(), work / "hpc_ckpt_1.ckpt")
    assert len(seen) >= 2 and not any("ckpt" in name or "last" in name for name in seen)


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


# Copies, processes, threads, signals


def test_pickles_and_deep_copies(work: Path) -> None:
    plugin = CairnCheckpointIO(repo=work / "r", run="x", keep_versions=2, files="full")
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    for again in (pickle.loads(pickle.dumps(plugin)), copy.deepcopy(plugin)):
        assert (again.run, again.keep_versions, again.files) == ("x", 2, "full")
        again.save_checkpoint(state(2), work / "b.ckpt")
        assert again.load_checkpoint(work / "b.ckpt")["epoch"] == 2


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_save_and_load(work: Path, method: str) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    context = multiprocessing.get_context(method)
    process = context.Process(target=_child, args=(plugin, str(work)))
    process.start()
    process.join(120)
    assert process.exitcode == 0
    assert plugin.load_checkpoint(work / "child.ckpt")["epoch"] == 5
    plugin.save_checkpoint(state(2), work / "a.ckpt")
    assert versions(work) == ["a.ckpt@2", "child.ckpt@1"]


def _child(plugin: CairnCheckpointIO, work: str) -> None:
    os.chdir(work)
    assert plugin.load_checkpoint("a.ckpt")["epoch"] == 1
    plugin.save_checkpoint(state(5), "child.ckpt")


def test_a_thread_pool(work: Path) -> None:
    plugin = CairnCheckpointIO()

    def task(number: int) -> None:
        path = work / f"{number % 5}.ckpt"
        plugin.save_checkpoint(state(number), work / f"own {number}.ckpt")
        plugin.save_checkpoint(state(number % 5), path)
        assert plugin.load_checkpoint(work / f"own {number}.ckpt")["epoch"] == number

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(task, range(20)))
    for number in range(5):
        assert plugin.load_checkpoint(work / f"{number}.ckpt")["epoch"] == number


def test_a_state_that_changes_while_it_is_saved(work: Path) -> None:
    """Some moment's bytes are kept, under the digest that they have."""
    plugin = CairnCheckpointIO()
    weights = torch.zeros(4_000_000)
    stop = threading.Event()

    def train() -> None:
        while not stop.is_set():
            weights.add_(1)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        for _ in range(3):
            plugin.save_checkpoint({"w": weights}, work / "a.ckpt")
    finally:
        stop.set()
        trainer.join()
    Repository(work).load("a.ckpt", verify=True)


def test_a_signal_handler_that_saves_in_the_middle_of_a_save(work: Path) -> None:
    """As Lightning's does for SLURM."""
    plugin = CairnCheckpointIO()
    inner: list[int] = []

    def handler(number: int, frame: Any) -> None:
        plugin.save_checkpoint(state(7), work / "hpc.ckpt")
        inner.append(number)

    old = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        plugin.save_checkpoint({"w": torch.rand(20_000_000), "epoch": 1}, work / "a.ckpt")
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert inner
    assert plugin.load_checkpoint(work / "hpc.ckpt")["epoch"] == 7
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1


def test_ctrl_c_aborts_a_save(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    big = {"w": torch.rand(60_000_000), "epoch": 2}
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        plugin.save_checkpoint(big, work / "a.ckpt")
        timer.join(5)
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1
    assert len(versions(work)) == 1
    plugin.save_checkpoint(state(3), work / "a.ckpt")
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 3


def test_distributed_tensors_are_refused(work: Path) -> None:
    distributed = pytest.importorskip("torch.distributed")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    from cairn_ckpt import UnsupportedState

    store = distributed.FileStore(str(work / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        tensor = distribute_tensor(torch.ones(4), mesh, [Shard(0)])
        with pytest.raises(UnsupportedState, match="full_tensor"):
            CairnCheckpointIO().save_checkpoint({"w": tensor}, work / "a.ckpt")
        assert not (work / "a.ckpt").exists()
    finally:
        distributed.destroy_process_group()


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


def test_a_signal_handler_that_saves_while_the_plugin_is_busy(work: Path) -> None:
    plugin = CairnCheckpointIO()
    with plugin._lock:
        plugin.save_checkpoint(state(1), work / "a.ckpt")
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1
