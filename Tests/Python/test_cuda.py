"""States on a real GPU, and trainings on it. ``test_other_devices.py`` tests the same of a device made for the tests,
wherever they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.plugins.io import AsyncCheckpointIO
from states import DTYPES, of_dtype, same
from training import Model, data, fit, trainer

from cairn_ckpt import CairnCheckpointIO, Repository, _pointer

HERE = Path(__file__).resolve().parent
MEBIBYTE = 2**20

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def state() -> dict[str, Any]:
    base = torch.arange(3_000_000, dtype=torch.float32, device="cuda")
    return {
        "base": base,
        "view": base[1000:1200].view(20, 10).t(),
        "tied": base,
        "dtypes": {str(dtype): of_dtype(dtype).cuda() for dtype in DTYPES},
        "empty": torch.empty(0, 5, device="cuda"),
        "parameter": torch.nn.Parameter(torch.randn(7, device="cuda")),
        "sparse": torch.eye(4, device="cuda").to_sparse(),
        "conjugate": torch.randn(3, dtype=torch.complex64, device="cuda").conj(),
        "random": torch.cuda.get_rng_state_all(),
        "host": torch.randn(10),
        "pinned": torch.randn(100_000).pin_memory(),
        "step": 3,
    }


def on_host(loaded: Any) -> Any:
    """What is compared: ``same`` reads the bytes on the host, and here nothing else counts."""
    return {
        key: on_host(value) if isinstance(value, dict)
        else value.cpu() if isinstance(value, torch.Tensor) else value
        for key, value in loaded.items()
    }


def devices(loaded: dict[str, Any]) -> dict[str, str]:
    return {key: str(value.device) for key, value in loaded.items() if isinstance(value, torch.Tensor)}


@pytest.mark.parametrize("files", ["pointer", "full"])
def test_loads_as_what_torch_saves(work: Path, files: Any) -> None:
    saved = state()
    plugin = CairnCheckpointIO(files=files)
    plugin.save_checkpoint(saved, "a.ckpt")
    torch.save(saved, "torchs.ckpt")
    for place in (None, "cpu", "cuda", torch.device("cuda", 0), {"cuda:0": "cpu"}, lambda storage, where: storage):
        ours = torch.load("a.ckpt", map_location=place, weights_only=False)
        theirs = torch.load("torchs.ckpt", map_location=place, weights_only=False)
        assert devices(ours) == devices(theirs), place
        assert same(on_host(ours), on_host(theirs)), place
        assert ours["view"].untyped_storage().data_ptr() == ours["base"].untyped_storage().data_ptr()
        assert ours["tied"] is ours["base"]
    assert set(devices(plugin.load_checkpoint("a.ckpt", weights_only=False)).values()) == {"cpu"}
    assert devices(plugin.load_checkpoint("a.ckpt", None, weights_only=False)) == devices(saved)


def test_restored_file_is_one_that_torch_loads(work: Path) -> None:
    saved = {"w": torch.arange(5_000_000, device="cuda"), "c": torch.ones(3)}
    repository = Repository.initialize(work / ".cairn")
    repository.save(saved, "a")
    loaded = repository.load("a", verify=True)
    assert loaded["w"].is_cuda and torch.equal(loaded["w"], saved["w"])
    assert repository.load("a", map_location="cpu")["w"].device.type == "cpu"
    repository.restore("a", "out.ckpt")
    assert torch.equal(torch.load("out.ckpt")["w"], saved["w"])


@pytest.mark.parametrize("current", [False, True], ids=["default stream", "stream of its own"])
def test_what_is_queued_is_waited_for(repository: Repository, current: bool) -> None:
    """A save begins when the kernels before it are queued, not when they have run."""
    stream = torch.cuda.Stream() if current else torch.cuda.current_stream()
    values = torch.zeros(8_000_000, device="cuda")
    repository.save({"w": values}, "warm")
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(1_000_000_000)  # half a second
        values += 1
        repository.save({"w": values}, "a")
        torch.cuda._sleep(200_000_000)
        values += 1  # queued after the save has returned: not of it
    assert torch.equal(repository.load("a", map_location="cpu")["w"], torch.ones(8_000_000))


def test_the_same_bytes_elsewhere_are_not_new(repository: Repository) -> None:
    values = torch.rand(5_000_000)
    repository.save({"w": values}, "a")
    repository.save({"w": values.cuda()}, "a")
    assert repository.log("a")[0]["new_bytes"] < 100_000


def test_copied_in_pieces(repository: Repository) -> None:
    """Neither the host nor the GPU needs room for a second state."""
    large = torch.empty(1024 * MEBIBYTE, dtype=torch.uint8, device="cuda").random_()
    small = [torch.rand(300_000, device="cuda") for _ in range(50)]
    repository.save({"w": torch.rand(3 * MEBIBYTE, device="cuda")}, "warm")
    torch.cuda.reset_peak_memory_stats()
    there = torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = peak()
    repository.save({"large": large, "small": small}, "a")
    assert peak() - before <= 96 * MEBIBYTE
    assert torch.cuda.max_memory_allocated() - there <= MEBIBYTE
    assert torch.equal(repository.load("a")["large"], large)


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def test_module_and_optimizer_are_restored_where_they_are(work: Path) -> None:
    model = torch.nn.Linear(64, 32).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    model(torch.randn(8, 64, device="cuda")).square().mean().backward()
    optimizer.step()
    expected = {key: value.clone() for key, value in model.state_dict().items()}
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, "a.ckpt")
    moments = [value["exp_avg"].clone() for value in optimizer.state.values()]
    memory = model.weight.data_ptr()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for value in optimizer.state.values():
        value["exp_avg"].zero_()
    plugin.load_checkpoint("a.ckpt", state={"model": model, "optimizer": optimizer})
    assert model.weight.data_ptr() == memory and model.weight.is_cuda
    assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
    for value, moment in zip(optimizer.state.values(), moments, strict=True):
        assert value["exp_avg"].is_cuda and torch.equal(value["exp_avg"], moment)


@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed", "bf16-true"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["at once", "AsyncCheckpointIO"])
def test_training_goes_on_as_from_torchs_file(work: Path, precision: Any, asynchronous: bool) -> None:
    results = []
    for name, plugin in (("torch", TorchCheckpointIO()), ("cairn", CairnCheckpointIO())):
        if asynchronous and name == "cairn":
            plugin = AsyncCheckpointIO(plugin)
        options: dict[str, Any] = {
            "accelerator": "gpu", "precision": precision, "plugin": plugin, "enable_checkpointing": False,
        }
        first = trainer(work, 2, **options)
        fit(first)
        first.save_checkpoint(work / f"{name}.ckpt")
        first.strategy.teardown()
        second = trainer(work, 4, **options)
        model = fit(second, ckpt_path=work / f"{name}.ckpt", weights_only=False)
        assert second.current_epoch == 4
        results.append({key: value.cpu() for key, value in model.state_dict().items()})
    assert _pointer.read(str(work / "cairn.ckpt")) is not None
    assert same(results[0], results[1])


def test_fabric(work: Path) -> None:
    fabric = Fabric(accelerator="gpu", devices=1, precision="bf16-mixed", plugins=[CairnCheckpointIO()])
    fabric.launch()
    model = torch.nn.Linear(8, 1)
    model, optimizer = fabric.setup(model, torch.optim.Adam(model.parameters()))
    fabric.backward(model(torch.randn(4, 8, device="cuda")).mean())
    optimizer.step()
    saved = {key: value.clone() for key, value in model.state_dict().items()}
    fabric.save("fabric.ckpt", {"model": model, "optimizer": optimizer, "step": 1})
    with torch.no_grad():
        model.module.weight.zero_()
    rest = fabric.load("fabric.ckpt", {"model": model, "optimizer": optimizer})
    assert rest == {"step": 1}
    assert all(torch.equal(value, saved[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("what", ["fsdp_full", "fsdp_sharded", "model_parallel_full"])
def test_sharded(work: Path, what: str) -> None:
    """FSDP and FSDP2 as Lightning runs them on GPUs, in a process of its own: its process group stays."""
    done = subprocess.run(
        [sys.executable, str(HERE / "sharded_on_gpu.py"), what], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_data_parallel_loader(work: Path) -> None:
    """Workers that were forked beside a CUDA context, and saves between their batches."""
    the_trainer = trainer(work, 2, accelerator="gpu", enable_checkpointing=False)
    the_trainer.fit(Model(), data(workers=2))
    the_trainer.save_checkpoint(work / "a.ckpt")
    assert Model.load_from_checkpoint(work / "a.ckpt").layers[0].weight.shape == (16, 8)
