"""Making the plugin a ``CheckpointIO`` of each Lightning that is loaded, without loading one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_INTERFACES = (
    "lightning.fabric.plugins.io.checkpoint_io",
    "lightning_fabric.plugins.io.checkpoint_io",
)
_registered: list[tuple[Any, type]] = []


def register_plugin(plugin: type) -> None:
    """Registers a class with the interfaces of ``lightning`` and ``lightning_fabric``, those of
    them that have been imported."""
    for name in _INTERFACES:
        interface = getattr(sys.modules.get(name), "CheckpointIO", None)
        register: Callable[[type], Any] | None = getattr(interface, "register", None)
        if register is not None and (interface, plugin) not in _registered:
            _registered.append((interface, plugin))
            register(plugin)
