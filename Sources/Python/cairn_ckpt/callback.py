"""A callback that has the trainer's metrics kept with each checkpoint."""

from __future__ import annotations

import importlib
import math
import sys
from typing import TYPE_CHECKING, Any

from ._options import METRICS_KEY
from .checkpoint_io import CairnCheckpointIO


def _bases() -> tuple[type, ...]:
    """The ``Callback`` of each Lightning that is loaded; that of one that is installed."""
    names = [name for name in ("lightning.pytorch", "pytorch_lightning") if name in sys.modules]
    if names:
        return tuple(sys.modules[name].Callback for name in names)
    try:
        module = importlib.import_module("lightning.pytorch")
    except ImportError:
        module = importlib.import_module("pytorch_lightning")
    return (module.Callback,)


if TYPE_CHECKING:
    _Base = object
else:
    _Base = type("_Base", _bases(), {})


class CairnCallback(_Base):
    """Hands ``trainer.callback_metrics`` over to a :class:`CairnCheckpointIO` at each save.

    Without it a checkpoint has the metric by which ``ModelCheckpoint`` chose it, and no other.
    """

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Leaves the metrics in the checkpoint, from which the plugin takes them."""
        plugin = trainer.strategy.checkpoint_io
        while plugin is not None and not isinstance(plugin, CairnCheckpointIO):
            plugin = getattr(plugin, "checkpoint_io", None)
        if plugin is None:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        checkpoint[METRICS_KEY] = {
            name: value for name, value in metrics.items() if math.isfinite(value)
        }
