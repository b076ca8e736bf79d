"""Trainings whose model is spread over two processes on the CPU: run as a program, once for each
strategy. Lightning starts the second process itself, with the same arguments.

Upstream knows FSDP on GPUs only: Lightning refuses the strategy's exact type, and does not tell
PyTorch that the device is the CPU. Both are what a subclass here gets around.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.strategies import FSDPStrategy as FabricFSDPStrategy
from lightning.fabric.strategies import ModelParallelStrategy as FabricModelParallelStrategy
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from training import Model, data

from cairn_ckpt import CairnCheckpointIO, Repository, _pointer

warnings.filterwarnings("ignore")


class FSDPOnCPU(FSDPStrategy):
    """FSDP that Lightning does not know for it."""

    def _setup_model(self, model: torch.nn.Module) -> torch.nn.Module:
        from torch.distributed.fsdp import FullyShardedDataParallel
        from torch.distributed.fsdp.wrap import ModuleWrapPolicy

        wrapped = FullyShardedDataParallel(
            model, device_id=torch.device("cpu"), use_orig_params=True,
            auto_wrap_policy=ModuleWrapPolicy({torch.nn.Linear}),
        )
        return super()._setup_model(wrapped)


class FabricFSDPOnCPU(FabricFSDPStrategy):
    """The same for Fabric."""


class Sharded(Model):
    """Its layers, each a shard of its own."""

    def configure_model(self) -> None:
        from torch.distributed.fsdp import fully_shard

        if self.device_mesh is not None:
            fully_shard(self.layers, mesh=self.device_mesh["data_parallel"])


def trainer(strategy: Any, plugin: Any, epochs: int) -> pl.Trainer:
    return pl.Trainer(
        strategy=strategy, accelerator="cpu", devices=2, max_epochs=epochs, logger=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        plugins=[plugin], enable_checkpointing=False, use_distributed_sampler=False,
    )


def train_and_resume(make_strategy: Any, kind: type[Model], plugin: Any, where: str) -> bool:
    """Saves, and goes on from that; says whether this process is the first."""
    pl.seed_everything(1, verbose=False)
    first = trainer(make_strategy(), plugin, 1)
    first.fit(kind(), data())
    for _ in range(2):
        first.save_checkpoint(f"{where}/a.ckpt", weights_only=False)
    second = trainer(make_strategy(), plugin, 2)
    second.fit(kind(), data(), ckpt_path=f"{where}/a.ckpt", weights_only=False)
    assert second.current_epoch == 2
    second.save_checkpoint(f"{where}/b.ckpt", weights_only=False)
    second.strategy.barrier()
    return second.is_global_zero


def full(make_strategy: Any, kind: type[Model]) -> None:
    """Whole states go through the plugin, and training goes on from the pointer just as from
    TorchCheckpointIO's file. (With FSDP that is not what a training without a break comes to:
    upstream's doing, with any plugin.)"""
    plugin = CairnCheckpointIO()
    train_and_resume(make_strategy, kind, TorchCheckpointIO(), "torchs")
    if not train_and_resume(make_strategy, kind, plugin, "ours"):
        return
    assert sorted(record["name"] for record in Repository().log()) == [
        "ours/a.ckpt@2", "ours/b.ckpt@1",
    ]
    for name in ("a.ckpt", "b.ckpt"):
        ours = torch.load(f"ours/{name}", weights_only=False)
        theirs = torch.load(f"torchs/{name}", weights_only=False)
        assert _pointer.read(f"ours/{name}") is not None
        assert ours.keys() == theirs.keys()
        assert ours["state_dict"].keys() == theirs["state_dict"].keys()
        for key, value in theirs["state_dict"].items():
            assert torch.equal(ours["state_dict"][key], value), (name, key)
    Model.load_from_checkpoint("ours/b.ckpt", weights_only=False)
    plugin.remove_checkpoint("ours/a.ckpt")
    assert len(Repository().log()) == 1


def parts(make_strategy: Any, kind: type[Model]) -> None:
    """Each process writes its part: a directory of plain files, which the plugin removes."""
    plugin = CairnCheckpointIO()
    if train_and_resume(make_strategy, kind, plugin, "ours"):
        assert Path("ours/a.ckpt").is_dir() and not Path(".cairn").exists()
        plugin.remove_checkpoint("ours/a.ckpt")
        assert not Path("ours/a.ckpt").exists()


def trainer_fsdp_full() -> None:
    full(lambda: FSDPOnCPU(state_dict_type="full"), Model)


def trainer_fsdp_sharded() -> None:
    parts(lambda: FSDPOnCPU(state_dict_type="sharded"), Model)


def trainer_model_parallel_full() -> None:
    full(lambda: ModelParallelStrategy(save_distributed_checkpoint=False), Sharded)


def trainer_model_parallel_distributed() -> None:
    parts(ModelParallelStrategy, Sharded)


def refused(strategy: Any) -> None:
    """Fabric's own: they take no plugin, and say so."""
    try:
        Fabric(accelerator="cpu", devices=2, strategy=strategy, plugins=[CairnCheckpointIO()])
    except NotImplementedError as error:
        assert "does not support setting a `CheckpointIO`" in str(error), error
    else:
        raise AssertionError("taken")


def fabric_fsdp() -> None:
    refused(FabricFSDPOnCPU())


def fabric_model_parallel() -> None:
    refused(FabricModelParallelStrategy(parallelize_fn=lambda model, mesh: model))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
