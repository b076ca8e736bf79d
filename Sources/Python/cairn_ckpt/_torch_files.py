"""What the plugin leaves to PyTorch and Lightning: real files, and URLs."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Any

from . import _hook
from ._temporaries import Temporary

_logger = logging.getLogger("cairn_ckpt")
_warned_of_urls = False


def save(checkpoint: Any, path: str) -> None:
    """Saves a real file, atomically."""
    import torch

    with Temporary(path) as temporary:
        torch.save(checkpoint, temporary.path)
        os.replace(temporary.path, path)


def load(path: str, map_location: Any, weights_only: bool | None) -> Any:
    """Loads a file that is no pointer."""
    import torch

    _hook.register()
    # A file object, as TorchCheckpointIO gives: of a path, torch would look at the name too.
    with open(path, "rb") as file:
        return torch.load(file, map_location=map_location, weights_only=weights_only)


def plugin_for_url(path: str) -> Any:
    """TorchCheckpointIO, with a warning once."""
    global _warned_of_urls
    if not _warned_of_urls:
        _warned_of_urls = True
        _logger.warning(
            "%s is not on a local disk: it is saved and loaded without Cairn, as by "
            "TorchCheckpointIO",
            path,
        )
    _hook.register()
    other = "lightning_fabric" in sys.modules and "lightning" not in sys.modules
    package = "lightning_fabric" if other else "lightning.fabric"
    return importlib.import_module(f"{package}.plugins.io.torch_io").TorchCheckpointIO()
