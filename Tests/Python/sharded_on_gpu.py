"""Trainings by FSDP and FSDP2 on the GPUs of this machine, one is enough: run as a program, once for each strategy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from sharded import Sharded
from training import Model, data

from cairn_ckpt import CairnCheckpointIO, Repository, _pointer


def trainer(strategy: Any, plugin: Any, epochs: int) -> pl.Trainer:
    return pl.Trainer(
        strategy=strategy, accelerator="gpu", devices=1, max_epochs=epochs, logger=False, precision="bf16-mixed",
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        plugins=[plugin], enable_checkpointing=False, use_distributed_sampler=False,
    )


def train_and_resume(strategy: Any, kind: type[Model], plugin: Any, where: str) -> None:
    pl.seed_everything(1, verbose=False)
    first = trainer(strategy(), plugin, 1)
    first.fit(kind(), data())
    first.save_checkpoint(f"{where}/a.ckpt", weights_only=False)
    second = trainer(strategy(), plugin, 2)
    second.fit(kind(), data(), ckpt_path=f"{where}/a.ckpt", weights_only=False)
    assert second.current_epoch == 2
    second.save_checkpoint(f"{where}/b.ckpt", weights_only=False)


def full(strategy: Any, kind: type[Model]) -> None:
    """Whole states go through the plugin."""
    train_and_resume(strategy, kind, TorchCheckpointIO(), "torchs")
    train_and_resume(strategy, kind, CairnCheckpointIO(), "ours")
    assert sorted(record["name"] for record in Repository().log()) == ["ours/a.ckpt@1", "ours/b.ckpt@1"]
    for name in ("a.ckpt", "b.ckpt"):
        ours = torch.load(f"ours/{name}", weights_only=False, map_location="cpu")
        theirs = torch.load(f"torchs/{name}", weights_only=False, map_location="cpu")
        assert _pointer.read(f"ours/{name}") is not None
        assert ours["state_dict"].keys() == theirs["state_dict"].keys()
        for key, value in theirs["state_dict"].items():
            assert torch.equal(ours["state_dict"][key], value), (name, key)


def fsdp_full() -> None:
    full(lambda: FSDPStrategy(state_dict_type="full", auto_wrap_policy={torch.nn.Linear}), Model)


def fsdp_sharded() -> None:
    """Each process writes its part: a directory of plain files, which the plugin removes."""
    plugin = CairnCheckpointIO()
    train_and_resume(
        lambda: FSDPStrategy(state_dict_type="sharded", auto_wrap_policy={torch.nn.Linear}), Model, plugin, "ours")
    assert Path("ours/a.ckpt").is_dir() and not Path(".cairn").exists()
    plugin.remove_checkpoint("ours/a.ckpt")
    assert not Path("ours/a.ckpt").exists()


def model_parallel_full() -> None:
    full(lambda: ModelParallelStrategy(save_distributed_checkpoint=False), Sharded)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
