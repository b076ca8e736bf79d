"""Real Trainers and Fabrics over the plugin."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.fabric import Fabric
from lightning.pytorch.callbacks import ModelCheckpoint, OnExceptionCheckpoint
from lightning.pytorch.plugins.io import AsyncCheckpointIO
from states import same
from training import Model, data, fit, trainer

from cairn_ckpt import CairnCallback, CairnCheckpointIO, Repository, _pointer

HERE = Path(__file__).resolve().parent


def saver(work: Path, **options: Any) -> ModelCheckpoint:
    defaults: dict[str, Any] = {"dirpath": work / "runs", "monitor": "val_loss", "save_top_k": 2}
    return ModelCheckpoint(**{**defaults, **options})


def plain_fit(work: Path, **options: Any) -> pl.LightningModule:
    """The same training without any checkpoint."""
    return fit(trainer(work, enable_checkpointing=False, **options))


@pytest.mark.parametrize("save_last", [True, "link"])
def test_model_checkpoint(work: Path, save_last: Any) -> None:
    callback = saver(work, save_last=save_last, filename="{epoch}-{val_loss:.4f}")
    model = fit(trainer(work, 4, callbacks=[callback, CairnCallback()]))
    files = sorted(path.name for path in (work / "runs").iterdir())
    assert len(files) == 3 and "last.ckpt" in files
    assert (work / "runs" / "last.ckpt").is_symlink() == (save_last == "link")
    log = Repository(work).log()
    # Two best; and, as a file of its own, the last.
    assert len(log) == (2 if save_last == "link" else 3)
    for path, score in callback.best_k_models.items():
        record = Repository(work).resolve(os.path.relpath(path, work))
        assert record["metrics"]["val_loss"] == pytest.approx(float(score))
        assert "train_loss" in record["metrics"]
        assert record["run"] == "runs"
        assert "cairn_metrics" not in torch.load(path, weights_only=False)
    for path in (*callback.best_k_models, callback.last_model_path):
        assert Path(path).stat().st_size < 4096
        loaded = Model.load_from_checkpoint(path)
        assert loaded.hparams["width"] == 16
    assert same(Model.load_from_checkpoint(callback.last_model_path).state_dict(),
                model.state_dict())


@pytest.mark.parametrize("which", ["path", "last", "best"])
def test_resume(work: Path, which: str) -> None:
    expected = plain_fit(work, epochs=4)
    callback = saver(work, save_last=True)
    first = trainer(work, 2, callbacks=[callback])
    fit(first)
    again = saver(work, save_last=True)
    second = trainer(work, 4, callbacks=[again])
    path = str(work / "runs" / "last.ckpt") if which == "path" else which
    if which == "best":
        model = Model()
        first.validate(model, data(), ckpt_path="best", verbose=False)
        best = torch.load(callback.best_model_path, weights_only=False)
        assert same(dict(model.state_dict()), dict(best["state_dict"]))
        first.fit_loop.max_epochs = 4
        fit(first, ckpt_path="best")
        assert first.current_epoch == 4
        return
    model = fit(second, ckpt_path=path)
    assert same(model.state_dict(), expected.state_dict())
    assert {record["run"] for record in Repository(work).log()} == {"runs"}


def test_killed_at_random_moments(work: Path) -> None:
    """… and resumed, it ends with the weights of one that was never killed."""
    whole = work.parent / "whole"
    for directory in (whole, work):
        directory.mkdir(exist_ok=True)
    command = [sys.executable, str(HERE / "training.py")]
    subprocess.run([*command, str(whole), "25"], check=True, timeout=300, capture_output=True)
    generator = random.Random(5)
    kills = 0
    for _ in range(12):
        process = subprocess.Popen(
            [*command, str(work), "25"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        runs = work / "runs"
        before = runs.stat().st_mtime_ns if runs.exists() else 0
        # Not before it has begun to save: importing takes most of its time.
        while process.poll() is None:
            if runs.exists() and runs.stat().st_mtime_ns != before:
                break
            time.sleep(0.01)
        time.sleep(generator.random() * 0.5)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        if kills == 3:
            break
    subprocess.run([*command, str(work), "25"], check=True, timeout=300, capture_output=True)
    assert kills > 0
    assert same(torch.load(work / "result.pt"), torch.load(whole / "result.pt"))
    # Every file that is there names a version that is there.
    for path in (work / "runs").glob("*.ckpt"):
        torch.load(path, weights_only=False)


def test_asynchronous(work: Path) -> None:
    callback = saver(work, save_last=True, every_n_train_steps=1, monitor="train_loss")
    plugin = AsyncCheckpointIO(CairnCheckpointIO())
    the_trainer = trainer(work, 3, plugin=plugin, callbacks=[callback, CairnCallback()])
    model = fit(the_trainer)
    loaded = Model.load_from_checkpoint(work / "runs" / "last.ckpt")
    assert same(loaded.state_dict(), model.state_dict())
    # It works on after the trainer's teardown.
    the_trainer.save_checkpoint(work / "again.ckpt")
    the_trainer.strategy.checkpoint_io.teardown()
    assert torch.load(work / "again.ckpt", weights_only=False)["epoch"] == 3


class Failing(Model):
    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        if self.trainer.global_step == 5:
            raise ZeroDivisionError
        return super().training_step(batch, index)


def test_on_exception_checkpoint(work: Path) -> None:
    callback = OnExceptionCheckpoint(work / "runs", "exception")
    with pytest.raises(ZeroDivisionError):
        fit(trainer(work, callbacks=[callback]), Failing())
    assert torch.load(work / "runs" / "exception.ckpt", weights_only=False)["global_step"] == 5


def test_the_other_lightning(work: Path) -> None:
    """`pytorch_lightning` has classes of its own."""
    code = (
        "import torch, pytorch_lightning as pl\n"
        "from pytorch_lightning.demos.boring_classes import BoringModel\n"
        "from cairn_ckpt import CairnCheckpointIO, CairnCallback\n"
        "t = pl.Trainer(plugins=[CairnCheckpointIO()], callbacks=[CairnCallback()],\n"
        "  accelerator='cpu', max_steps=2, logger=False, enable_progress_bar=False)\n"
        "t.fit(BoringModel()); t.save_checkpoint('a.ckpt')\n"
        "assert torch.load('a.ckpt', weights_only=False)['global_step'] == 2\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=work
    )
    assert result.returncode == 0, result.stderr
    assert (work / "a.ckpt").stat().st_size < 4096


CLI = """
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.demos.boring_classes import BoringModel, BoringDataModule
if __name__ == "__main__":
    LightningCLI(BoringModel, BoringDataModule)
"""

CONFIGURATION = """
trainer:
  accelerator: cpu
  max_steps: 3
  logger: false
  enable_progress_bar: false
  plugins:
    - class_path: cairn_ckpt.CairnCheckpointIO
      init_args: {run: by yaml, keep_versions: 2}
"""


def test_lightning_cli(work: Path) -> None:
    pytest.importorskip("jsonargparse")
    (work / "main.py").write_text(CLI)
    (work / "training.yaml").write_text(CONFIGURATION)
    result = subprocess.run(
        [sys.executable, "main.py", "fit", "--config", "training.yaml"],
        capture_output=True, text=True, timeout=300, cwd=work,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert [record["run"] for record in Repository(work).log()] == ["by yaml"]


@pytest.mark.parametrize("strategy", ["ddp_spawn", "ddp_fork"])
def test_launchers_that_start_children(work: Path, strategy: str) -> None:
    code = (
        "import warnings; warnings.filterwarnings('ignore')\n"
        "import sys, torch; sys.path.insert(0, {here!r})\n"
        "from pathlib import Path\n"
        "from training import *\n"
        "if __name__ == '__main__':\n"
        "  work = Path({work!r})\n"
        "  saver = pl.callbacks.ModelCheckpoint(dirpath=work / 'runs', save_last=True)\n"
        "  t = trainer(work, 2, devices=2, strategy={strategy!r}, callbacks=[saver])\n"
        "  model = fit(t)\n"
        "  saved = torch.load(work / 'runs' / 'last.ckpt', weights_only=False)\n"
        "  for k, v in saved['state_dict'].items(): assert torch.equal(v, model.state_dict()[k])\n"
    ).format(here=str(HERE), work=str(work), strategy=strategy)
    (work / "main.py").write_text(code)
    result = subprocess.run(
        [sys.executable, "main.py"], capture_output=True, text=True, timeout=400, cwd=work
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert {record["run"] for record in Repository(work).log()} == {"runs"}


def test_two_processes_each_load(work: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, {here!r})\n"
        "from pathlib import Path\n"
        "from training import *\n"
        "if __name__ == '__main__':\n"
        "  work = Path({work!r})\n"
        "  options = dict(devices=2, strategy='ddp')\n"
        "  saver = pl.callbacks.ModelCheckpoint(dirpath=work / 'runs', save_last=True)\n"
        "  t = trainer(work, 2, callbacks=[saver], **options); fit(t)\n"
        "  saver = pl.callbacks.ModelCheckpoint(dirpath=work / 'runs', save_last=True)\n"
        "  t = trainer(work, 3, callbacks=[saver], **options)\n"
        "  model = fit(t, ckpt_path=str(work / 'runs' / 'last.ckpt'))\n"
        "  assert t.current_epoch == 3\n"
        "  (work / f'rank{{t.global_rank}}').touch()\n"
    ).format(here=str(HERE), work=str(work))
    (work / "main.py").write_text(code)
    result = subprocess.run(
        [sys.executable, "main.py"], capture_output=True, text=True, timeout=400, cwd=work
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert (work / "rank0").exists() and (work / "rank1").exists()
    assert torch.load(work / "runs" / "last.ckpt", weights_only=False)["epoch"] == 2


def test_fabric(work: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=1, plugins=[CairnCheckpointIO()])
    torch.manual_seed(3)
    bare = torch.nn.Linear(4, 2)
    model, optimizer = fabric.setup(bare, torch.optim.Adam(bare.parameters()))
    fabric.backward(model(torch.ones(1, 4)).sum())
    optimizer.step()
    fabric.save(work / "a.ckpt", {"model": model, "optimizer": optimizer, "step": 9})
    assert (work / "a.ckpt").stat().st_size < 4096
    other_bare = torch.nn.Linear(4, 2)
    other, its = fabric.setup(other_bare, torch.optim.Adam(other_bare.parameters()))
    state = {"model": other, "optimizer": its, "step": 0}
    assert fabric.load(work / "a.ckpt", state) == {}
    assert state["step"] == 9
    assert same(dict(other.state_dict()), dict(model.state_dict()))
    assert set(fabric.load(work / "a.ckpt")) == {"model", "optimizer", "step"}


def test_a_logger_that_copies_files(work: Path, tmp_path: Path) -> None:
    """What it copied is whole, without the repository and without this package."""
    copies = tmp_path / "copies"
    copies.mkdir()

    class Copying(pl.loggers.CSVLogger):
        def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
            path = checkpoint_callback.best_model_path
            if path:
                shutil.copy(path, copies / f"{len(list(copies.iterdir()))}.ckpt")

    callback = saver(work)
    plugin = CairnCheckpointIO(files="full")
    fit(trainer(work, plugin=plugin, callbacks=[callback], logger=Copying(str(work / "logs"))))
    shutil.rmtree(work / ".cairn")
    paths = list(copies.iterdir())
    assert paths
    for path in paths:
        assert _pointer.read(str(path)) is None
        assert "state_dict" in torch.load(path, weights_only=False)


def test_data_loader_workers_forked_while_the_repository_is_open(work: Path) -> None:
    callback = saver(work, save_last=True, every_n_train_steps=1, monitor="train_loss")
    the_trainer = trainer(work, 2, callbacks=[callback])
    pl.seed_everything(1, verbose=False)
    model = Model()
    the_trainer.fit(model, data(workers=2), data(workers=2))
    loaded = Model.load_from_checkpoint(work / "runs" / "last.ckpt")
    assert same(loaded.state_dict(), model.state_dict())


def test_two_trainings_with_one_absolute_path(work: Path, tmp_path: Path) -> None:
    """One after the other, in one repository, as two containers see their own /workspace."""
    place = tmp_path / "workspace"
    for number in range(2):
        place.mkdir()
        callback = ModelCheckpoint(dirpath=place, filename="model", save_last=True)
        plugin = CairnCheckpointIO(repo=work / "shared")
        pl.seed_everything(number, verbose=False)
        model = Model()
        trainer(work, 1, plugin=plugin, callbacks=[callback]).fit(model, data(), data())
        place.rename(tmp_path / f"container {number}")
        torch.save(model.state_dict(), tmp_path / f"{number}.pt")
    for number in range(2):
        loaded = torch.load(tmp_path / f"container {number}" / "last.ckpt", weights_only=False)
        assert same(dict(loaded["state_dict"]), dict(torch.load(tmp_path / f"{number}.pt")))


def test_a_trainer_pickles(work: Path) -> None:
    import pickle

    plugin = CairnCheckpointIO(run="x")
    the_trainer = trainer(work, plugin=plugin, enable_checkpointing=False)
    assert pickle.loads(pickle.dumps(the_trainer)).strategy.checkpoint_io.run == "x"
