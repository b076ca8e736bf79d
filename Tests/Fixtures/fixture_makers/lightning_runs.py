"""Checkpoints of real Lightning runs on the CPU.

finetune/: a frozen backbone, a trained head, Adam; every epoch kept, monitored by val_loss, and last.ckpt.
topk/: two ModelCheckpoint callbacks, of which one keeps the best only: the files of the other carry a current_score
       that is not theirs.

The callbacks store absolute paths, so the runs take place in RUN whoever makes them.
"""
import logging
import os
import shutil
import warnings

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

import fixture_classes
from fixture_makers import sidecar

RUN = "/tmp/run"


class Finetuning(lightning.LightningModule):
    def __init__(self, width=64, classes=10, optimizer=None, schedule=None):
        super().__init__()
        self.save_hyperparameters()
        self.backbone = torch.nn.Sequential(
            torch.nn.Conv2d(3, width, 3), torch.nn.BatchNorm2d(width), torch.nn.ReLU(),
            torch.nn.Conv2d(width, width, 3), torch.nn.BatchNorm2d(width), torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(width, 4 * width))
        self.head = torch.nn.Sequential(torch.nn.Linear(4 * width, width // 4), torch.nn.ReLU(),
                                        torch.nn.Linear(width // 4, classes))
        self.backbone.requires_grad_(False)

    def on_train_epoch_start(self):
        self.backbone.eval()  # else BatchNorm's running statistics would change

    def loss(self, batch):
        images, labels = batch
        return torch.nn.functional.cross_entropy(self.head(self.backbone(images)), labels)

    def training_step(self, batch, _):
        return self.loss(batch)

    def validation_step(self, batch, _):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.head.parameters(), lr=self.hparams.optimizer["lr"])
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 2)]


class Small(lightning.LightningModule):
    """Its val_loss is given, so that it gets better and worse when the fixture wants it to."""

    losses = [3.0, 1.0, 2.0]

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def training_step(self, batch, _):
        return self.layer(batch[0]).pow(2).mean()

    def validation_step(self, batch, _):
        self.log("val_loss", self.losses[self.current_epoch])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def loader(count, *shape):
    images = torch.randn(count, *shape, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(count) % 10
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=8)


def make(name, folder):
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    # Not removed if somebody else has it.
    os.mkdir(RUN)
    try:
        torch.manual_seed(0)
        os.chdir(RUN)
        if name == "finetune":
            finetune()
        else:
            topk()
        os.makedirs(folder, exist_ok=True)
        for file in sorted(os.listdir("checkpoints")):
            target = os.path.join(folder, file)
            shutil.copyfile(os.path.join("checkpoints", file), target)
            sidecar.write(target)
    finally:
        os.chdir("/")
        shutil.rmtree(RUN)


def trainer(epochs, callbacks):
    return lightning.Trainer(
        accelerator="cpu", devices=1, max_epochs=epochs, callbacks=callbacks, logger=False, num_sanity_val_steps=0,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=RUN)


def finetune():
    model = Finetuning(
        optimizer={"name": "adam", "lr": 0.01, "betas": [0.9, 0.999], "extra": {"amsgrad": False, "note": None}},
        schedule=fixture_classes.Schedule("cosine", 100))
    checkpoints = ModelCheckpoint("checkpoints", monitor="val_loss", save_top_k=-1, save_last=True)
    trainer(5, [checkpoints]).fit(model, loader(64, 3, 8, 8), loader(16, 3, 8, 8))


def topk():
    best = ModelCheckpoint("checkpoints", "best-{epoch}", monitor="val_loss", save_top_k=1)
    every = ModelCheckpoint("checkpoints", "every-{epoch}", save_top_k=-1)
    trainer(3, [best, every]).fit(Small(), loader(16, 4), loader(8, 4))
