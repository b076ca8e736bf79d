"""The global that pointer files name, and its registration with torch as a safe one.

Imported by ``import torch`` through an entry point: it imports nothing heavy, and never raises.

Two functions answer to the name ``cairn_ckpt.pip_install_cairn_ckpt``, which is the on-disk
format, frozen, and all that somebody without the package sees in torch's error message:

* the importable one, which ``pickle`` finds, loads fully;
* the one registered with ``torch.serialization.add_safe_globals`` loads weights only.

So the ``weights_only`` that a user gives to ``torch.load`` is obeyed.
"""

from __future__ import annotations

import sys
from typing import Any

POINTER_MODULE = "cairn_ckpt"
POINTER_FUNCTION = "pip_install_cairn_ckpt"


def pip_install_cairn_ckpt(fields: Any) -> Any:
    """Loads fully what a pointer file names. Called by unpickling one."""
    from ._following import follow

    return follow(fields, weights_only=False)


def _weights_only(fields: Any) -> Any:
    """Loads only tensors and plain values of what a pointer file names."""
    from ._following import follow

    return follow(fields, weights_only=True)


pip_install_cairn_ckpt.__module__ = POINTER_MODULE
# torch looks a safe global up by these (2.4: __module__ and __name__, later: __qualname__).
_weights_only.__module__ = POINTER_MODULE
_weights_only.__name__ = POINTER_FUNCTION
_weights_only.__qualname__ = POINTER_FUNCTION


def register() -> None:
    """Registers the safe global with torch, if torch is loaded. Never raises."""
    try:
        torch = sys.modules.get("torch")
        serialization = getattr(torch, "serialization", None)
        add = getattr(serialization, "add_safe_globals", None)
        if add is not None:
            add([_weights_only])
    except Exception:  # noqa: BLE001 - raising here would break `import torch` for everything
        pass
