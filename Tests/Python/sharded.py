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

        wrapped = FullyShardedDataParallel(
            model, device_id=torch.device("cpu"), use_orig_params=True,
            auto_wrap_policy=lambda module, recurse, nonwrapped_numel: recurse or isinstance(module, torch.nn.Linear),
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


def trainer(strategy: Any, epochs: int) -> pl.Trainer:
    return pl.Trainer(
        strategy=strategy, accelerator="cpu", devices=2, max_epochs=epochs, logger=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        plugins=[CairnCheckpointIO()], enable_checkpointing=False, use_distributed_sampler=False,
    )


def weights(checkpoint: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in checkpoint["state_dict"].items()}


def train_and_resume(make_strategy: Any, kind: type[Model], full: bool) -> None:
    """Saves, goes on from it, and is where a training without a break is."""
    pl.seed_everything(1, verbose=False)
    first = trainer(make_strategy(), 1)
    first.fit(kind(), data())
    first.save_checkpoint("a.ckpt")
    # While the process group is there; and the same once more.
    first.save_checkpoint("a.ckpt")
    first.strategy.barrier()
    if first.is_global_zero:
        pointer = _pointer.read("a.ckpt")
        assert (pointer is not None) == full, pointer
        if full:
            assert len(Repository().log()) == 1
            saved = torch.load("a.ckpt", weights_only=False)
            model = Model()
            model.load_state_dict(saved["state_dict"])
            Model.load_from_checkpoint("a.ckpt")
        else:
            assert Path("a.ckpt").is_dir()
    first.strategy.barrier()

    second = trainer(make_strategy(), 2)
    second.fit(kind(), data(), ckpt_path="a.ckpt", weights_only=False)
    assert second.current_epoch == 2
    second.save_checkpoint("b.ckpt")
    pl.seed_everything(1, verbose=False)
    whole = trainer(make_strategy(), 2)
    whole.fit(kind(), data())
    whole.save_checkpoint("c.ckpt")
    whole.strategy.barrier()
    if whole.is_global_zero and full:
        b, c = (torch.load(name, weights_only=False) for name in ("b.ckpt", "c.ckpt"))
        assert all(torch.equal(weights(b)[name], value) for name, value in weights(c).items())
    whole.strategy.barrier()
    if whole.is_global_zero:
        CairnCheckpointIO().remove_checkpoint("a.ckpt")
        assert not Path("a.ckpt").exists()


def trainer_fsdp_full() -> None:
    train_and_resume(lambda: FSDPOnCPU(state_dict_type="full"), Model, True)


def trainer_fsdp_sharded() -> None:
    train_and_resume(lambda: FSDPOnCPU(state_dict_type="sharded"), Model, False)


def trainer_model_parallel_full() -> None:
    train_and_resume(lambda: ModelParallelStrategy(save_distributed_checkpoint=False), Sharded, True)


def trainer_model_parallel_distributed() -> None:
    train_and_resume(lambda: ModelParallelStrategy(), Sharded, False)


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
