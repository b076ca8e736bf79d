"""A small training, the same each time, for tests with real Trainers; also run as a program."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from cairn_ckpt import CairnCallback, CairnCheckpointIO

warnings.filterwarnings("ignore")


class Model(pl.LightningModule):
    """Two layers, a metric, and hyper-parameters."""

    def __init__(self, width: int = 16, rate: float = 0.05) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(8, width), torch.nn.Tanh(), torch.nn.Linear(width, 1)
        )
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = torch.nn.functional.mse_loss(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", torch.nn.functional.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.rate)


def data(workers: int = 0) -> DataLoader[Any]:
    """The same batches in the same order."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 8, generator=generator)
    dataset = TensorDataset(x, x.sum(1, keepdim=True))
    return DataLoader(dataset, batch_size=16, num_workers=workers)


def trainer(directory: Path, epochs: int = 3, plugin: Any = None, **options: Any) -> pl.Trainer:
    """A quiet trainer on the CPU."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu", "devices": 1, "max_epochs": epochs, "logger": False,
        "enable_progress_bar": False, "enable_model_summary": False,
        "default_root_dir": str(directory), "num_sanity_val_steps": 0,
    }
    plugins = [plugin if plugin is not None else CairnCheckpointIO()]
    return pl.Trainer(plugins=plugins, **{**defaults, **options})


def fit(the_trainer: pl.Trainer, model: pl.LightningModule | None = None, **options: Any) -> Any:
    """Trains, and gives the model."""
    pl.seed_everything(1, verbose=False)
    model = model or Model()
    the_trainer.fit(model, data(), data(), **options)
    return model


def main() -> None:
    """Trains, or goes on where a killed one was, and saves after each epoch.

    Within one, Lightning itself does not go on with the batch it was at.
    """
    directory, epochs = Path(sys.argv[1]), int(sys.argv[2])
    os.chdir(directory)
    saver = pl.callbacks.ModelCheckpoint(
        dirpath=directory / "runs", every_n_epochs=1, save_top_k=2, save_last=True,
        monitor="train_loss", save_on_train_epoch_end=True,
    )
    last = directory / "runs" / "last.ckpt"
    the_trainer = trainer(directory, epochs, callbacks=[saver, CairnCallback()])
    model = fit(the_trainer, ckpt_path=last if last.exists() else None)
    torch.save(model.state_dict(), directory / "result.pt")


if __name__ == "__main__":
    main()
